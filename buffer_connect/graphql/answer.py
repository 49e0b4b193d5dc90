"""What an answer of Buffer's GraphQL API means (developer guide, "Error handling")."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from buffer_connect.exceptions import (
    BufferAPIError,
    BufferUnavailable,
    MutationFailed,
    RateLimited,
)
from buffer_connect.graphql.rate_limits import read_rate_limits
from buffer_connect.headers import pause_asked, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from buffer_connect.graphql.rate_limits import RateLimit

# The interface of Buffer's typed errors.
MUTATION_ERROR = "MutationError"
RATE_LIMITED = "RATE_LIMIT_EXCEEDED"
# Buffer's two ways to say that there is no valid access token.
NO_VALID_TOKEN = frozenset({"UNAUTHENTICATED", "UNAUTHORIZED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of the API. `complete` tells that it is a whole JSON object.

    `retry_after` is in seconds; `window` names the rate limit that was reached, `rate_limits` what
    is left in each.
    """

    status: int
    data: dict[str, Any] | None = field(default=None, repr=False)
    errors: list[dict[str, Any]] = field(default_factory=list, repr=False)
    retry_after: float | None = None
    window: str | None = None
    rate_limits: dict[str, RateLimit] = field(default_factory=dict)
    complete: bool

    @property
    def codes(self) -> frozenset[str]:
        """The `extensions.code` of the errors."""
        codes = (_extensions(error).get("code") for error in self.errors)
        return frozenset(code for code in codes if isinstance(code, str))

    @property
    def rate_limited(self) -> bool:
        """Whether a rate limit of Buffer's is reached, and so nothing of the request was run."""
        # As below: who repeats a rate-limited request must not repeat a mutation that has run.
        says_so = RATE_LIMITED in self.codes and not _holds_something(self.data)
        return self.status == 429 or says_so

    @property
    def http_unauthorized(self) -> bool:
        """Whether this is an HTTP 401, the form that is evidence against a token."""
        return self.status == 401

    @property
    def unauthenticated(self) -> bool:
        """Whether the API saw no valid access token, and so ran nothing of the request."""
        # Where a part of the data came, a part of the request was run: never to be repeated.
        says_so = self.status == 200 and not self.codes.isdisjoint(NO_VALID_TOKEN)
        return self.http_unauthorized or (says_so and not _holds_something(self.data))


def judge_api_response(
    status: int, headers: Mapping[str, str], body: bytes, *, complete: bool, now: datetime
) -> Answer:
    """Return what an answer of the API that came at `now` says; never raises, whatever came."""
    document = _parse(body) if complete else None
    limits = read_rate_limits(headers, now)
    if document is None:
        pause = pause_asked(headers)
        return Answer(status=status, retry_after=pause, rate_limits=limits, complete=False)
    errors = _errors(document.get("errors"))
    data = document.get("data")
    return Answer(
        status=status,
        data=data if isinstance(data, dict) else None,
        errors=errors,
        retry_after=_retry_after(headers, errors),
        window=_first_text(errors, "window"),
        rate_limits=limits,
        complete=True,
    )


def raise_for_errors(answer: Answer) -> dict[str, Any]:
    """Return the data of an answer without errors.

    Raises `RateLimited`, `BufferUnavailable` when the API could not answer, and
    `BufferAPIError` with the errors and what there is of the data.
    """
    if answer.rate_limited:
        raise RateLimited(answer.retry_after, answer.window)
    if answer.complete and answer.errors and answer.status < 500:
        raise BufferAPIError(answer.errors, answer.data)
    if answer.status != 200 or answer.data is None:
        message = f"Buffer's API gave no usable answer: status={answer.status}"
        raise BufferUnavailable(message, answer.retry_after)
    return answer.data


def raise_for_mutation_errors(data: dict[str, Any]) -> None:
    """Raise `MutationFailed` for the first mutation in `data` whose payload is a typed error.

    Such a payload is of a type that implements `MutationError`: its name ends in `Error`, and it
    has a `message`, as no payload of a success has. A payload of which neither was selected says
    nothing.
    """
    for found in data.values():
        if isinstance(found, dict) and _is_mutation_error(found):
            kind, message = _text(found, "__typename"), _text(found, "message")
            raise MutationFailed(kind or MUTATION_ERROR, message or "", data)


def _is_mutation_error(found: Mapping[str, Any]) -> bool:
    kind = _text(found, "__typename")
    return _text(found, "message") is not None if kind is None else kind.endswith("Error")


def _text(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    return value if isinstance(value, str) else None


def _parse(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _errors(value: object) -> list[dict[str, Any]]:
    if not value:
        return []
    errors = value if isinstance(value, list) else [value]
    return [error if isinstance(error, dict) else {"message": str(error)} for error in errors]


def _extensions(error: Mapping[str, Any]) -> Mapping[str, Any]:
    extensions = error.get("extensions")
    return extensions if isinstance(extensions, dict) else {}


def _retry_after(headers: Mapping[str, str], errors: list[dict[str, Any]]) -> float | None:
    asked = pause_asked(headers)
    if asked is not None:
        return asked
    # Some of Buffer's guides show extensions.retryAfter instead of the header.
    pauses = (seconds(str(_extensions(error).get("retryAfter")), None) for error in errors)
    return next((pause for pause in pauses if pause is not None), None)


def _first_text(errors: list[dict[str, Any]], name: str) -> str | None:
    values = (_extensions(error).get(name) for error in errors)
    return next((value for value in values if isinstance(value, str)), None)


def _holds_something(data: dict[str, Any] | None) -> bool:
    return data is not None and any(value is not None for value in data.values())
