"""Revocation requests (RFC 7009 section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables

from buffer_connect.conf import conf
from buffer_connect.oauth.revocation import (
    Revocation,
    RevocationOutcome,
    judge_revocation_response,
)
from buffer_connect.transport.attempt import Attempt
from buffer_connect.transport.process import HEADERS, WIRE
from buffer_connect.transport.wire import NoAnswer

if TYPE_CHECKING:
    from buffer_connect.sealing import Secret
    from buffer_connect.transport.reply import Reply

CAP_BYTES = 64 * 1024


def revoke(token: Secret, *, total: float) -> RevocationOutcome:
    """Ask Buffer to revoke the refresh token ``token`` and with it its grant, once.

    Takes at most ``total`` seconds. May be sent again: for a token that is revoked already the
    answer is the same. Raises ``ImproperlyConfigured`` only.
    """
    endpoint = conf.revocation_endpoint
    if endpoint is None:
        raise ImproperlyConfigured('BUFFER_CONNECT["ENDPOINTS"] turns revocation off.')
    attempt = Attempt.start(total=total, cap=CAP_BYTES)
    try:
        reply = _reply(endpoint, _form(token), attempt)
    except NoAnswer as error:
        return RevocationOutcome(verdict=Revocation.LATER, error=str(error))
    return judge_revocation_response(
        reply.status, reply.headers, reply.body, complete=reply.complete
    )


@sensitive_variables("body")
def _reply(endpoint: str, body: bytes, attempt: Attempt) -> Reply:
    headers = {
        **HEADERS,
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
    }
    return WIRE.post(endpoint, headers=headers, body=body, attempt=attempt)


def _form(token: Secret) -> bytes:
    # The values are bound to no name: error reports show the locals of every frame.
    secret = conf.client_secret
    return urlencode(
        {
            "token": token.reveal(),
            "token_type_hint": "refresh_token",
            "client_id": conf.client_id,
            **({"client_secret": secret.reveal()} if secret else {}),
        }
    ).encode()
