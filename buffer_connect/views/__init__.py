"""The pages: a user's links, the way to Buffer, the way back, and the end;
and what a script is told of them.

A module for each; `page` is what all of them share, and `notices` what one leaves for another.
"""

from buffer_connect.views.api_key import APIKeyView
from buffer_connect.views.callback import CallbackView
from buffer_connect.views.check import CheckView
from buffer_connect.views.connect import ConnectView
from buffer_connect.views.disconnect import DisconnectView
from buffer_connect.views.links import LinksView
from buffer_connect.views.status import StatusView

__all__ = [
    "APIKeyView",
    "CallbackView",
    "CheckView",
    "ConnectView",
    "DisconnectView",
    "LinksView",
    "StatusView",
]
