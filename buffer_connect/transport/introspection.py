"""Asking whether a token is active (RFC 7662)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from buffer_connect.conf import conf
from buffer_connect.transport.attempt import Attempt
from buffer_connect.transport.process import WIRE
from buffer_connect.transport.token_endpoint import CAP_BYTES, FORM_HEADERS
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
    reply = endpoint and _reply(endpoint, refresh_token, Attempt.start(total=total, cap=CAP_BYTES))
    return _active(reply) if reply else None


def _reply(endpoint: str, refresh_token: Secret, attempt: Attempt) -> Reply | None:
    body = _form(refresh_token)
    headers = {**FORM_HEADERS, "Content-Length": str(len(body))}
    try:
        return WIRE.post(endpoint, headers=headers, body=body, attempt=attempt)
    except NoAnswer:
        return None


def _form(refresh_token: Secret) -> bytes:
    secret = conf.client_secret
    fields = [
        ("token", refresh_token.reveal()),
        ("token_type_hint", "refresh_token"),
        ("client_id", conf.client_id),
        *([("client_secret", secret.reveal())] if secret else []),
    ]
    return urlencode(fields).encode()


def _active(reply: Reply) -> bool | None:
    if reply.status != 200 or not reply.complete:
        return None
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    active = document.get("active") if isinstance(document, dict) else None
    return active if isinstance(active, bool) else None
