"""Requests to Buffer's GraphQL API and what its answers mean (developer guide, "Error handling")."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unicodedata import category

from buffer_connect.exceptions import BufferAPIError, BufferUnavailable, RateLimited
from buffer_connect.headers import pause_asked, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT_QUERY = "query { account { id email name organizations { id name } } }"

RATE_LIMITED = "RATE_LIMIT_EXCEEDED"
# Buffer's two ways to say that there is no valid access token.
NO_VALID_TOKEN = frozenset({"UNAUTHENTICATED", "UNAUTHORIZED"})

LONGEST_ID, LONGEST_NAME, LONGEST_EMAIL = 255, 255, 320


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of the API. `complete` tells that it is a whole JSON object.

    `retry_after` is in seconds; `window` names the rate limit that was reached.
    """

    status: int
    data: dict[str, Any] | None = field(default=None, repr=False)
    errors: list[dict[str, Any]] = field(default_factory=list, repr=False)
    retry_after: float | None = None
    window: str | None = None
    complete: bool

    @property
    def codes(self) -> frozenset[str]:
        """The `extensions.code` of the errors."""
        codes = (_extensions(error).get("code") for error in self.errors)
        return frozenset(code for code in codes if isinstance(code, str))

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A Buffer account: whose link it is, and its organizations as dicts of `id` and `name`."""

    id: str
    email: str
    name: str
    organizations: list[dict[str, str]]


def payload(query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what is posted as JSON for `query`."""
    return {"query": query, "variables": dict(variables)} if variables else {"query": query}


def judge_api_response(
    status: int, headers: Mapping[str, str], body: bytes, *, complete: bool
) -> Answer:
    """Return what an answer of the API says; never raises, whatever came."""
    document = _parse(body) if complete else None
    if document is None:
        return Answer(status=status, retry_after=pause_asked(headers), complete=False)
    errors = _errors(document.get("errors"))
    data = document.get("data")
    return Answer(
        status=status,
        data=data if isinstance(data, dict) else None,
        errors=errors,
        retry_after=_retry_after(headers, errors),
        window=_first_text(errors, "window"),
        complete=True,
    )


def raise_for_errors(answer: Answer) -> dict[str, Any]:
    """Return the data of an answer without errors.

    Raises `RateLimited`, `BufferUnavailable` when the API could not answer, and
    `BufferAPIError` with the errors and what there is of the data.
    """
    if answer.status == 429 or RATE_LIMITED in answer.codes:
        raise RateLimited(answer.retry_after, answer.window)
    if answer.complete and answer.errors and answer.status < 500:
        raise BufferAPIError(answer.errors, answer.data)
    if answer.status != 200 or answer.data is None:
        message = f"Buffer's API gave no usable answer: status={answer.status}"
        raise BufferUnavailable(message, answer.retry_after)
    return answer.data


def read_account(data: Mapping[str, Any]) -> Account | None:
    """Return the account in the data of `ACCOUNT_QUERY`; None where it has no usable id."""
    account = data.get("account")
    if not isinstance(account, dict) or not is_account_id(account.get("id")):
        return None
    return Account(
        id=account["id"],
        email=_line(account.get("email"), LONGEST_EMAIL),
        name=_line(account.get("name"), LONGEST_NAME),
        organizations=_organizations(account.get("organizations")),
    )


def is_account_id(value: object) -> bool:
    """Return whether `value` can be the id of an account: text that a link can keep."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable()


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


def _organizations(value: object) -> list[dict[str, str]]:
    found = value if isinstance(value, list) else []
    return [
        {"id": each["id"], "name": _line(each.get("name"), LONGEST_NAME)}
        for each in found
        if isinstance(each, dict) and is_account_id(each.get("id"))
    ]


def _line(value: object, limit: int) -> str:
    # Control characters and lone surrogates, which JSON may hold, are refused by databases.
    text = value if isinstance(value, str) else ""
    return "".join(character for character in text if category(character) not in {"Cc", "Cs"})[
        :limit
    ]
