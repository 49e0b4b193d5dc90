"""Asking whether a token is active (RFC 7662)."""

from __future__ import annotations

import json
from enum import Enum, auto
from typing import TYPE_CHECKING

from buffer_connect.conf import conf
from buffer_connect.transport.token_post import post_token
from buffer_connect.transport.wire import NoAnswer

if TYPE_CHECKING:
    from buffer_connect.sealing import Secret
    from buffer_connect.transport.reply import Reply

NOT_AT_WORK = frozenset({429, 500, 502, 503, 504})


class Introspection(Enum):
    """What the server says of a token."""

    ACTIVE = auto()
    INACTIVE = auto()
    # It answers, and does not say.
    UNTOLD = auto()
    # It, or what stands before it, is not at work.
    AWAY = auto()


def introspect(refresh_token: Secret, *, total: float) -> Introspection:
    """Return what the server says of a refresh token, without a side effect for the token.

    Takes at most `total` seconds; raises `ImproperlyConfigured` only.
    """
    endpoint = conf.introspection_endpoint
    if endpoint is None:
        return Introspection.UNTOLD
    try:
        reply = post_token(endpoint, refresh_token, total=total)
    except NoAnswer:
        return Introspection.AWAY
    if not reply.complete or reply.status in NOT_AT_WORK:
        return Introspection.AWAY
    return _judge(reply) if reply.status == 200 else Introspection.UNTOLD


def _judge(reply: Reply) -> Introspection:
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        # The page of a gateway.
        return Introspection.AWAY
    match document:
        case {"active": True}:
            return Introspection.ACTIVE
        case {"active": False}:
            return Introspection.INACTIVE
    return Introspection.UNTOLD
