"""The authorization request and its response (RFC 6749 section 4.1, RFC 7636, RFC 9207)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from buffer_connect.exceptions import AuthorizationFailed, printable
from buffer_connect.sealing import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

STATE_LENGTH = 43
MAX_CODE = 4096
# Longest values that are looked at; a longer one is no answer of Buffer's.
LIMITS = {"code": MAX_CODE, "error": 200, "iss": 2000}
NEVER_REPEATED = ("state", "code", "iss", "error")

_STATE = re.compile(rf"[A-Za-z0-9_-]{{{STATE_LENGTH}}}")


class Problem(StrEnum):
    """Why an authorization response is not accepted."""

    MISSING_STATE = "missing_state"
    MALFORMED_STATE = "malformed_state"
    DOUBLED = "doubled"
    TOO_LONG = "too_long"
    MISSING_ISS = "missing_iss"
    WRONG_ISS = "wrong_iss"
    MISSING_CODE = "missing_code"


class InvalidResponse(Exception):
    """The authorization response is malformed or forged; nothing may be exchanged."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCode:
    """The code of a checked authorization response; only such a one can be exchanged."""

    value: Secret = field(repr=False)


def new_state() -> Secret:
    """Return an unguessable state of 43 characters."""
    return Secret(secrets.token_urlsafe(32))


def new_verifier() -> Secret:
    """Return a code verifier of 86 unreserved characters (RFC 7636 section 4.1)."""
    return Secret(secrets.token_urlsafe(64))


def code_challenge(verifier: Secret) -> str:
    """Return the S256 code challenge of `verifier` (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.reveal().encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def authorization_url(
    endpoint: str,
    *,
    client_id: str,
    redirect_uri: str,
    scopes: Iterable[str],
    state: Secret,
    challenge: str,
) -> str:
    """Return the URL that asks the user at `endpoint` (RFC 6749 section 4.1.1).

    `challenge` is the S256 code challenge. A query that the endpoint has already is kept.
    """
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state.reveal(),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        # Without it offline_access may be dropped silently, and no refresh token comes.
        "prompt": "consent",
    }
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def read_state(params: Mapping[str, Sequence[str]]) -> Secret:
    """Return the state of a response whose shape is right; before any look into the database.

    `params` holds the values of each parameter, as `dict(request.GET.lists())` does. Raises `InvalidResponse` for a
    repeated or over-long parameter and for a state that this package cannot have made.
    """
    if any(len(_values(params, name)) > 1 for name in NEVER_REPEATED):
        raise InvalidResponse(Problem.DOUBLED)
    if any(len(_value(params, name)) > limit for name, limit in LIMITS.items()):
        raise InvalidResponse(Problem.TOO_LONG)
    if not _value(params, "state"):
        raise InvalidResponse(Problem.MISSING_STATE)
    if len(_value(params, "state")) > STATE_LENGTH:
        raise InvalidResponse(Problem.TOO_LONG)
    if _STATE.fullmatch(_value(params, "state")) is None:
        raise InvalidResponse(Problem.MALFORMED_STATE)
    return Secret(_value(params, "state"))


def validate_authorization_response(
    params: Mapping[str, Sequence[str]], *, issuer: str, require_iss: bool
) -> AuthorizationCode:
    """Return the code of the response to a request whose state was just consumed.

    `iss` is compared first, by simple string comparison (RFC 9207 section 2.4): from another
    issuer an error is a forgery too. Raises `InvalidResponse`, and `AuthorizationFailed` when
    Buffer answered with an error, with or without a code beside it.
    """
    read_state(params)
    issued_by = _value(params, "iss")
    if not issued_by and require_iss:
        raise InvalidResponse(Problem.MISSING_ISS)
    if issued_by and issued_by != issuer:
        raise InvalidResponse(Problem.WRONG_ISS)
    if error := _value(params, "error"):
        raise AuthorizationFailed(error, printable(_value(params, "error_description")))
    if not _value(params, "code"):
        raise InvalidResponse(Problem.MISSING_CODE)
    return AuthorizationCode(value=Secret(_value(params, "code")))


def _values(params: Mapping[str, Sequence[str]], name: str) -> Sequence[str]:
    return params.get(name, ())


def _value(params: Mapping[str, Sequence[str]], name: str) -> str:
    # Empty means absent (RFC 6749 section 3.1).
    return next(iter(_values(params, name)), "")
