"""Asking the server whether a refresh token is still good (RFC 7662), where its word counts.

A server may answer `active: false` for whatever a client may not ask about (section 2.2). So its
word counts only after it has called a token active that was stored a moment before, by this
process and at this endpoint.
"""

import logging
from time import monotonic

from buffer_connect import transport
from buffer_connect.conf import conf
from buffer_connect.sealing import Secret
from buffer_connect.transport import Introspection

logger = logging.getLogger(__name__)

WITHIN = 5.0
# What came of the first answer about a token known to be good, by endpoint.
_TRUSTED: dict[str, bool] = {}
# After no answer it is not asked for so many seconds: healthy links wait for each question.
SILENT_FOR = 60.0
# Until when, by the monotonic clock.
_SILENT_UNTIL: dict[str, float] = {}


def is_untried() -> bool:
    """Return whether this process may learn now that the server's word counts."""
    endpoint = conf.introspection_endpoint
    return endpoint is not None and endpoint not in _TRUSTED and not _is_silent(endpoint)


def may_count() -> bool:
    """Return whether the server's word counts, or may for all that this process knows."""
    endpoint = conf.introspection_endpoint
    return endpoint is not None and _TRUSTED.get(endpoint, True)


def learn(token: Secret) -> None:
    """Find out, once for each process and endpoint, whether the server knows `token` as active."""
    endpoint = conf.introspection_endpoint
    if endpoint is None or not is_untried():
        return
    told = _told(endpoint, token)
    if told != Introspection.AWAY:
        _TRUSTED[endpoint] = told == Introspection.ACTIVE
        logger.info("introspection=%s", "trusted" if _TRUSTED[endpoint] else "unused")


def ask(token: Secret) -> bool | None:
    """Return whether the server calls `token` active; None when its word does not count."""
    endpoint = conf.introspection_endpoint
    if endpoint is None or not _TRUSTED.get(endpoint) or _is_silent(endpoint):
        return None
    match _told(endpoint, token):
        case Introspection.ACTIVE:
            return True
        case Introspection.INACTIVE:
            return False
    return None


def _told(endpoint: str, token: Secret) -> Introspection:
    told = transport.introspect(token, total=WITHIN)
    if told in {Introspection.AWAY, Introspection.UNTOLD}:
        _SILENT_UNTIL[endpoint] = monotonic() + SILENT_FOR
    return told


def _is_silent(endpoint: str) -> bool:
    return monotonic() < _SILENT_UNTIL.get(endpoint, 0.0)
