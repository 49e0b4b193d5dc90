"""Token responses: what an answer of the token endpoint means for the token that was sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeGuard

from buffer_connect.exceptions import printable
from buffer_connect.headers import pause_asked
from buffer_connect.oauth.lives import life
from buffer_connect.scopes import is_scope
from buffer_connect.sealing import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verdict(StrEnum):
    """What is known about the code or refresh token that was sent."""

    # It was used, and its successor is here.
    OK = "ok"
    # No byte of the request was written.
    NOT_SENT = "not_sent"
    # It is dead, or was never alive.
    REFUSED = "refused"
    # The client id or secret is wrong; it was not used.
    CLIENT_REJECTED = "client_rejected"
    # The request is wrong, so our configuration is; it was not used.
    MISCONFIGURED = "misconfigured"
    # Too many requests; it was not used.
    THROTTLED = "throttled"
    # It may have been used.
    UNKNOWN = "unknown"


# RFC 6749 section 5.2. Only what stands here is surely not consumed, or surely refused: the server
# uses up a refresh token before it builds any other answer, so all else is UNKNOWN.
VERDICTS = {
    (400, "invalid_grant"): Verdict.REFUSED,
    (400, "invalid_client"): Verdict.CLIENT_REJECTED,
    (401, "invalid_client"): Verdict.CLIENT_REJECTED,
    (400, "invalid_request"): Verdict.MISCONFIGURED,
    (400, "invalid_scope"): Verdict.MISCONFIGURED,
    (400, "unauthorized_client"): Verdict.MISCONFIGURED,
    (400, "unsupported_grant_type"): Verdict.MISCONFIGURED,
}
TOO_MANY_REQUESTS = 429
# A gateway may answer so while the request is still on its way to the token endpoint.
GATEWAY = frozenset({502, 503, 504})

# Descriptions with which servers tell that a refresh token came a second time. Buffer's is one
# and the same for all causes, as far as is known.
REUSE_PHRASES = (
    "reuse",
    "already used",
    "already been used",
    "more than once",
    "already redeemed",
    "already been redeemed",
    "already rotated",
    "already been rotated",
)

_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
_ERROR_CODE = re.compile(r"[a-z][a-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """What a token response gave; None where it gave nothing that can be used.

    `life` is the access token's, in seconds; `scopes` is None when the response is silent.
    """

    access_token: Secret | None = field(default=None, repr=False)
    refresh_token: Secret | None = field(default=None, repr=False)
    life: int
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of one token request. `tokens` is set when the verdict is OK, and only then.

    `error` is the response's error code, else `http_` and the status. `answered` tells that
    the token endpoint itself gave a complete answer, so that nothing of the request is under way.
    `retry_after` is in seconds.
    """

    verdict: Verdict
    error: str = ""
    description: str = field(default="", repr=False)
    retry_after: float | None = None
    answered: bool = False
    tokens: TokenSet | None = field(default=None, repr=False)


NOT_SENT = Outcome(verdict=Verdict.NOT_SENT, error="not_sent")


def judge_token_response(
    status: int, headers: Mapping[str, str], body: bytes, *, complete: bool
) -> Outcome:
    """Return what a token response means (RFC 6749 sections 5.1 and 5.2).

    `complete` is False when the body was cut short or is longer than what is read. Never raises:
    a rotated token must not be lost to a malformed answer.
    """
    if status == 200:
        return _judge_success(headers, body)
    document = _parse(_decode(body)) if complete else None
    error = _text(document, "error")
    code = error if _ERROR_CODE.fullmatch(error) else ""
    verdict = VERDICTS.get((status, code), Verdict.UNKNOWN)
    return Outcome(
        verdict=Verdict.THROTTLED if status == TOO_MANY_REQUESTS else verdict,
        error=code or f"http_{status}",
        description=printable(_text(document, "error_description")),
        retry_after=pause_asked(headers),
        answered=bool(code) and status >= 400 and status not in GATEWAY,
    )


def is_token(value: object) -> TypeGuard[str]:
    """Return whether `value` can be sent as a bearer token: visible ASCII (RFC 6750 section 2.1)."""
    return isinstance(value, str) and _VISIBLE_ASCII.fullmatch(value) is not None


def says_reused(description: str) -> bool:
    """Return whether an `error_description` says that the refresh token came a second time."""
    text = description.lower()
    # "expired, revoked or already used" says nothing.
    return any(phrase in text for phrase in REUSE_PHRASES) and " or " not in text


def _judge_success(headers: Mapping[str, str], body: bytes) -> Outcome:
    # A character that is no UTF-8 must not cost the tokens beside it.
    text = body.decode("utf-8-sig", "surrogateescape")
    document = _parse(text)
    error = _text(document, "error")
    if document is None or document.get("error"):
        # What is left of the answer may hold the only successor of the token that was sent.
        document = {"refresh_token": _prefix(text).get("refresh_token")}
    tokens = _token_set(document)
    if tokens.access_token or tokens.refresh_token:
        return Outcome(verdict=Verdict.OK, answered=True, tokens=tokens)
    code = error if _ERROR_CODE.fullmatch(error) else ""
    return Outcome(
        verdict=Verdict.UNKNOWN,
        error=code or "http_200",
        retry_after=pause_asked(headers),
        answered=bool(code),
    )


def _token_set(document: dict[str, Any]) -> TokenSet:
    is_bearer = _text(document, "token_type").lower() == "bearer"
    scopes = tuple(dict.fromkeys(filter(is_scope, _text(document, "scope").split())))
    return TokenSet(
        access_token=_access_token(document) if is_bearer else None,
        refresh_token=_refresh_token(document),
        life=life(document.get("expires_in")),
        scopes=scopes or None,
    )


def _access_token(document: dict[str, Any]) -> Secret | None:
    value = document.get("access_token")
    return Secret(value) if is_token(value) else None


def _refresh_token(document: dict[str, Any]) -> Secret | None:
    """Return any text that can be sent back: it goes into a form, and no other is alive now."""
    value = _text(document, "refresh_token")
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return Secret(value) if value.strip() else None


def _text(document: dict[str, Any] | None, name: str) -> str:
    value = document.get(name) if document else None
    return value if isinstance(value, str) else ""


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""


def _integer(digits: str) -> int:
    # Python refuses to parse thousands of digits, and with them the tokens beside them.
    return int(digits[:18])


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object; one that names two different errors names none."""
    members = dict(pairs)
    errors = [value for name, value in pairs if name == "error"]
    if any(error != errors[0] for error in errors):
        members["error"] = errors
    return members


_DECODER = json.JSONDecoder(parse_int=_integer, object_pairs_hook=_members)


def _parse(text: str) -> dict[str, Any] | None:
    try:
        document = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _prefix(text: str) -> dict[str, Any]:
    """Return the complete members at the start of a JSON object, as far as they can be read."""
    members: dict[str, Any] = {}
    position = _skip(text, 0, "{")
    try:
        while position:
            name, position = _DECODER.raw_decode(text, position)
            value, position = _DECODER.raw_decode(text, _skip(text, position, ":"))
            members[str(name)] = value
            position = _skip(text, position, ",")
    except (ValueError, RecursionError):
        pass
    return members


def _skip(text: str, position: int, mark: str) -> int:
    """Return the position after `mark` and the blanks around it; 0 when it does not follow."""
    found = re.compile(rf"[ \t\n\r]*{re.escape(mark)}[ \t\n\r]*").match(text, position)
    return found.end() if found else 0
