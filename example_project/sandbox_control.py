"""The controls of the local sandbox, over HTTP."""

import hashlib
from typing import Any, cast

import requests
from django.conf import settings

TIMEOUT = 5


def is_used() -> bool:
    """Return whether the site is connected to the sandbox and not to Buffer itself."""
    return "ISSUER" in settings.BUFFER_CONNECT


def state() -> dict[str, Any]:
    """Return the sandbox's grants; see `buffer_connect.sandbox.control`."""
    response = requests.get(_url("state"), timeout=TIMEOUT)
    response.raise_for_status()
    return cast("dict[str, Any]", response.json())


def issue(account: str) -> dict[str, Any]:
    """Make a grant for `account` without asking anybody; return its tokens."""
    return _post("issue", account=account)


def revoke(grant: str) -> None:
    """Remove a grant as its owner would at Buffer."""
    _post("revoke", grant=grant)


def lose_next_answer(grant: str) -> None:
    """Carry out the next token request of a grant, and close the connection without an answer."""
    _post("faults", kind="lose_answer", grant=grant)


def digest(token: str) -> str:
    """Return what `state` shows in place of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _post(action: str, **fields: Any) -> dict[str, Any]:
    response = requests.post(_url(action), json=fields, timeout=TIMEOUT)
    response.raise_for_status()
    return cast("dict[str, Any]", response.json())


def _url(action: str) -> str:
    return f"{settings.BUFFER_CONNECT['ISSUER']}/sandbox/{action}"
