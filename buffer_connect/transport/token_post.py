"""Posting a refresh token to the endpoints that take any token (RFC 7009 and 7662, section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.views.decorators.debug import sensitive_variables

from buffer_connect.conf import conf
from buffer_connect.transport.attempt import Attempt
from buffer_connect.transport.process import WIRE
from buffer_connect.transport.token_endpoint import CAP_BYTES, FORM_HEADERS

if TYPE_CHECKING:
    from buffer_connect.sealing import Secret
    from buffer_connect.transport.reply import Reply


@sensitive_variables("body")
def post_token(endpoint: str, refresh_token: Secret, *, total: float) -> Reply:
    """Post a refresh token and the client's credentials, once, and return the answer.

    Takes at most `total` seconds. Raises `NoAnswer` or `ImproperlyConfigured`.
    """
    attempt = Attempt.start(total=total, cap=CAP_BYTES)
    body = _form(refresh_token)
    headers = {**FORM_HEADERS, "Content-Length": str(len(body))}
    return WIRE.post(endpoint, headers=headers, body=body, attempt=attempt)


def _form(refresh_token: Secret) -> bytes:
    # The values are bound to no name: error reports show the locals of every frame.
    secret = conf.client_secret
    return urlencode(
        {
            "token": refresh_token.reveal(),
            "token_type_hint": "refresh_token",
            "client_id": conf.client_id,
            **({"client_secret": secret.reveal()} if secret else {}),
        }
    ).encode()
