"""Calls of Buffer's GraphQL API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from buffer_connect.conf import conf
from buffer_connect.exceptions import BufferUnavailable
from buffer_connect.graphql import judge_api_response
from buffer_connect.transport.attempt import Attempt
from buffer_connect.transport.process import HEADERS, WIRE
from buffer_connect.transport.wire import NoAnswer

if TYPE_CHECKING:
    from buffer_connect.graphql import Answer
    from buffer_connect.sealing import Secret
    from buffer_connect.transport.reply import Reply

CAP_BYTES = 8 * 1024 * 1024


def call_api(access_token: Secret, payload: dict[str, object], *, total: float) -> Answer:
    """Post `payload` as JSON with the token in the header only (RFC 6750 section 2.1), once.

    Takes at most `total` seconds and returns the answer whatever its status. Raises
    `BufferUnavailable` when none came; its text says whether the call may have been carried out.
    """
    body = json.dumps(payload, allow_nan=False).encode()
    attempt = Attempt.start(total=total, cap=CAP_BYTES)
    reply = _reply(access_token, body, attempt)
    if reply is None:
        # Not chained to the fault, whose frames hold the token.
        raise BufferUnavailable(
            "Buffer did not answer; the call may have been carried out."
            if attempt.written
            else "Buffer could not be reached; the call was not sent."
        )
    return judge_api_response(
        reply.status, reply.headers, reply.body, complete=reply.complete, now=datetime.now(UTC)
    )


def _reply(access_token: Secret, body: bytes, attempt: Attempt) -> Reply | None:
    try:
        return WIRE.post(
            conf.api_url,
            headers={
                **HEADERS,
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                "Authorization": f"Bearer {access_token.reveal()}",
            },
            body=body,
            attempt=attempt,
        )
    except NoAnswer:
        return None
