"""Asking whether a token is active (RFC 7662)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from buffer_connect.conf import conf
from buffer_connect.transport.token_post import post_token
from buffer_connect.transport.wire import NoAnswer

if TYPE_CHECKING:
    from buffer_connect.sealing import Secret
    from buffer_connect.transport.reply import Reply


def introspect(refresh_token: Secret, *, total: float) -> bool | None:
    """Return whether the server calls a refresh token active; None when it does not say.

    Without a side effect for the token. Takes at most `total` seconds; raises
    `ImproperlyConfigured` only.
    """
    endpoint = conf.introspection_endpoint
    if endpoint is None:
        return None
    try:
        return _active(post_token(endpoint, refresh_token, total=total))
    except NoAnswer:
        return None


def _active(reply: Reply) -> bool | None:
    if reply.status != 200 or not reply.complete:
        return None
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    active = document.get("active") if isinstance(document, dict) else None
    return active if isinstance(active, bool) else None
