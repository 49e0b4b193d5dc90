"""Connecting: an authorization request is begun, its response finished, and a link stored.

`begin` and `finish` are the two ends of the authorization code grant (RFC 6749 section 4.1);
`store` makes or renews the link. `paste` does that with an API key.
"""

from buffer_connect.flows.connect.begin import asked, begin
from buffer_connect.flows.connect.browser import Browser
from buffer_connect.flows.connect.finish import finish
from buffer_connect.flows.connect.key import paste
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
    "paste",
]
