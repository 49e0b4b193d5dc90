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

logger = logging.getLogger(__name__)

WITHIN = 5.0
# What came of the first question about a token known to be good, by endpoint.
_TRUSTED: dict[str, bool] = {}
# After no answer it is not asked for so many seconds: healthy links wait for each question.
SILENT_FOR = 60.0
# Until when, by the monotonic clock.
_SILENT_UNTIL: dict[str, float] = {}


def is_untried() -> bool:
    """Return whether this process may yet learn that the server's word counts."""
    endpoint = conf.introspection_endpoint
    return endpoint is not None and endpoint not in _TRUSTED


def is_trusted() -> bool:
    """Return whether the server's word counts, as this process has found out."""
    endpoint = conf.introspection_endpoint
    return endpoint is not None and _TRUSTED.get(endpoint, False)


def learn(token: Secret) -> None:
    """Find out, once for each process and endpoint, whether the server knows `token` as active."""
    endpoint = conf.introspection_endpoint
    if endpoint is None or endpoint in _TRUSTED:
        return
    _TRUSTED[endpoint] = transport.introspect(token, total=WITHIN) is True
    logger.info("introspection=%s", "trusted" if _TRUSTED[endpoint] else "unused")


def ask(token: Secret) -> bool | None:
    """Return whether the server calls `token` active; None when its word does not count."""
    endpoint = conf.introspection_endpoint
    if endpoint is None or not is_trusted() or monotonic() < _SILENT_UNTIL.get(endpoint, 0.0):
        return None
    is_active = transport.introspect(token, total=WITHIN)
    if is_active is None:
        _SILENT_UNTIL[endpoint] = monotonic() + SILENT_FOR
    return is_active
