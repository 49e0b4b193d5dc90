"""The access token on requests that a site sends by its own requests session."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests.auth import AuthBase
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

from buffer_connect.conf import conf

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from buffer_connect.sealing import Secret

UNAUTHORIZED = 401
PORTS = {"http": 80, "https": 443}


class TokenAuth(AuthBase):
    """Bearer authentication (RFC 6750 section 2.1) for the origin of `API_URL` and no other.

    Safe for many threads: what belongs to one request stays with that request.
    """

    def access_token(self) -> Secret:
        """Return the token for the next request."""
        raise NotImplementedError

    def successor(self, refused: Secret) -> Secret:
        """Return the token that follows one which the API answered with 401."""
        raise NotImplementedError

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        if _is_api(r):
            token = self.access_token()
            _carry(r, token)
            r.hooks["response"].append(partial(self._answered, token))
        return r

    def _answered(self, token: Secret, r: Response, **kwargs: Any) -> Response:
        """After a 401, ask for the token's successor and send once more where that is safe.

        What was refused was not run. A redirect leads here too, with the hooks of the request
        that it answers, but not to another origin with the token.
        """
        if r.status_code != UNAUTHORIZED or not _carries(r.request, token):
            return r
        _release(r)
        successor = self.successor(token)
        if not _can_go_again(r.request):
            return r
        again = _send_again(r, successor, kwargs)
        if again.status_code == UNAUTHORIZED:
            _release(again)
            self.successor(successor)
        return again


def _is_api(request: PreparedRequest) -> bool:
    return _origin(request.url or "") == _origin(conf.api_url)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)


def _carry(request: PreparedRequest, token: Secret) -> None:
    request.headers["Authorization"] = f"Bearer {token.reveal()}"


def _carries(request: PreparedRequest, token: Secret) -> bool:
    return _is_api(request) and request.headers.get("Authorization") == f"Bearer {token.reveal()}"


def _can_go_again(request: PreparedRequest) -> bool:
    """Whether the whole body is still there; a file is wound back to where it began."""
    if request.body is None or isinstance(request.body, str | bytes):
        return True
    try:
        rewind_body(request)
    except UnrewindableBodyError:
        return False
    return True


def _release(response: Response) -> None:
    """Read the answer to its end, so that its connection is free for others."""
    response.content  # noqa: B018
    response.close()


def _send_again(refused: Response, token: Secret, kwargs: dict[str, Any]) -> Response:
    """Send the request of `refused` over its connection, as `HTTPDigestAuth` does."""
    request = refused.request.copy()
    _carry(request, token)
    again: Response = refused.connection.send(request, **kwargs)
    again.history.append(refused)
    again.request = request
    return again
