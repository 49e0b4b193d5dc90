"""Asking that a token be revoked (RFC 7009)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from buffer_connect.conf import conf
from buffer_connect.oauth.revocation import (
    Revocation,
    RevocationOutcome,
    judge_revocation_response,
)
from buffer_connect.transport.token_post import post_token
from buffer_connect.transport.wire import NoAnswer

if TYPE_CHECKING:
    from buffer_connect.sealing import Secret


def revoke(refresh_token: Secret, *, total: float) -> RevocationOutcome:
    """Ask Buffer to revoke a refresh token and with it its grant, once.

    Takes at most `total` seconds. May be sent again: for a token that is revoked already the
    answer is the same. Raises `ImproperlyConfigured` only.
    """
    endpoint = conf.revocation_endpoint
    if endpoint is None:
        raise ImproperlyConfigured('BUFFER_CONNECT["ENDPOINTS"] turns revocation off.')
    try:
        reply = post_token(endpoint, refresh_token, total=total)
    except NoAnswer as error:
        return RevocationOutcome(verdict=Revocation.LATER, error=str(error))
    return judge_revocation_response(
        reply.status, reply.headers, reply.body, complete=reply.complete
    )
