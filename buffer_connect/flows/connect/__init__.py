"""Connecting: an authorization request is begun, its response finished, and a link stored.

`begin` and `finish` are the two ends of the authorization code grant (RFC 6749 section 4.1);
`account` asks whose tokens came, `store` makes or renews the link.
"""

from buffer_connect.flows.connect.begin import asked, begin
from buffer_connect.flows.connect.browser import Browser
from buffer_connect.flows.connect.finish import finish
from buffer_connect.flows.connect.params import Params
from buffer_connect.flows.connect.results import (
    Failed,
    Linked,
    Notice,
    Refusal,
    Refused,
    Tell,
    Underway,
)

__all__ = [
    "Browser",
    "Failed",
    "Linked",
    "Notice",
    "Params",
    "Refusal",
    "Refused",
    "Tell",
    "Underway",
    "asked",
    "begin",
    "finish",
]
