"""Revocation responses (RFC 7009 section 2.2): what an answer means for the token that was sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from buffer_connect.oauth.token import judge_token_response

if TYPE_CHECKING:
    from collections.abc import Mapping


class Revocation(StrEnum):
    """What became of a token that was to be revoked."""

    # It is revoked, or the server never knew it.
    DONE = "done"
    # The server did not take the request, or nobody knows; sending again does no harm.
    LATER = "later"
    # The server will not revoke it, however often it is asked.
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationOutcome:
    """The end of one revocation request.

    `error` is the response's error code, else `http_` and the status, or the network's fault.
    `retry_after` is in seconds.
    """

    verdict: Revocation
    error: str = ""
    retry_after: float | None = None


INVALID_CLIENT = "invalid_client"
# Errors that may pass, or that the site's operator can cure.
PASSING = frozenset(
    {INVALID_CLIENT, "unauthorized_client", "temporarily_unavailable", "server_error"}
)
# Some servers have nothing to say, and say so.
SUCCESS = frozenset({200, 204})


def judge_revocation_response(
    status: int, headers: Mapping[str, str], body: bytes, *, complete: bool
) -> RevocationOutcome:
    """Return what a revocation response means (RFC 7009 sections 2.2 and 2.2.1).

    A success is its status, whatever the body: that is the answer for an unknown token too.
    `complete` is False when the body was cut short. Only an OAuth error that asking again
    cannot cure is NEVER. Never raises.
    """
    if status in SUCCESS:
        return RevocationOutcome(verdict=Revocation.DONE)
    told = judge_token_response(status, headers, body, complete=complete)
    never = status == 400 and told.answered and told.error not in PASSING
    return RevocationOutcome(
        verdict=Revocation.NEVER if never else Revocation.LATER,
        error=told.error,
        retry_after=told.retry_after,
    )
