"""The class that tests, benchmarks and the command use."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from ipaddress import AddressValueError, IPv4Address
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from buffer_connect.sandbox import api
from buffer_connect.sandbox.application import Application
from buffer_connect.sandbox.authorization import SESSION_COOKIE
from buffer_connect.sandbox.clock import Clock
from buffer_connect.sandbox.faults import Fault
from buffer_connect.sandbox.grants import GrantTable
from buffer_connect.sandbox.keys import APIKey, KeyTable
from buffer_connect.sandbox.limits import Quotas
from buffer_connect.sandbox.messages import FORM, Request, Response
from buffer_connect.sandbox.options import USUAL_SCOPES, Options
from buffer_connect.sandbox.records import Grant, IssuedTokens, Post
from buffer_connect.sandbox.server import Server
from buffer_connect.sandbox.state import State


class Sandbox:
    """A local Buffer: authorization server and GraphQL API, in memory and on loopback only.

    `port` 0 takes a free one. With an `issuer`, its address, it opens no socket: it is never started, and `handle`
    answers. `clock` returns seconds since the epoch; `advance` moves it. `log` takes a line for each
    request, without its query. The other keyword arguments are the fields of `sandbox.options.Options`. Use it as a
    context manager, or `start` and `stop` it: stopped, it refuses connections, and keeps its grants and its port.

    An authorization needs no browser. `authorize` plays the person in this process; from elsewhere POST the decision to
    the full authorization URL:

        requests.post(url, data={"decision": "allow", "account": "account-1", "scope": ["account:read"]},
                      allow_redirects=False).headers["Location"]
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        issuer: str = "",
        clock: Callable[[], float] = time.time,
        log: Callable[[str], None] | None = None,
        **options: Any,
    ) -> None:
        self.options = Options(**options)
        self._address, self._issuer = (_loopback(host), port), issuer
        self._clock, self._log = Clock(clock), log
        self._stopping = threading.Event()
        self._server: Server | None = None
        self._table = GrantTable(self.options, self.now)
        self._keys = KeyTable()
        state = State(
            options=self.options,
            issuer=issuer,
            table=self._table,
            keys=self._keys,
            quotas=Quotas(self.options, self.now),
            clock=self._clock,
        )
        self._application = Application(state, self._pause)

    def start(self) -> Self:
        """Listen and serve on a thread of its own."""
        if self._server is not None:
            raise RuntimeError("The sandbox is running already.")
        self._stopping.clear()
        self._server = Server(self._address, self._application.handle, now=self.now, log=self._log)
        self._address = (self._address[0], self._server.server_address[1])
        self._application.state.issuer = self.url
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Refuse connections from now on; requests in work are dropped, grants stay."""
        self._stopping.set()
        if self._server is not None:
            self._server.close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The issuer, without a slash at its end. Raises RuntimeError before the first start."""
        if self._issuer:
            return self._issuer
        if not self._address[1]:
            raise RuntimeError("The sandbox has no port before it is started.")
        return f"http://{self._address[0]}:{self._address[1]}"

    @property
    def api_url(self) -> str:
        """The address of the GraphQL API."""
        return f"{self.url}/api"

    def now(self) -> float:
        """Return the sandbox's time, in seconds since the epoch."""
        return self._clock.now()

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock: codes, tokens, grants and rate windows age by so many seconds."""
        self._clock.advance(seconds)

    @property
    def grants(self) -> list[Grant]:
        """Copies of all grants, oldest first, with every refresh token ever issued on each."""
        return self._table.snapshot()

    def grant(self, grant_id: str) -> Grant:
        """Return a copy of one grant; raises KeyError."""
        return self._table.grant(grant_id)

    def grant_of(self, token: str) -> Grant | None:
        """Return a copy of the grant of a refresh token, access token or code, also of a dead one."""
        grant_id = self._table.grant_id_of(token)
        return self._table.grant(grant_id) if grant_id else None

    def origin_of(self, token: str) -> str | None:
        """Return the id of the grant, or of the API key, that a token or code is of, dead or alive."""
        return self._application.state.origin_of(token)

    def is_current(self, refresh_token: str) -> bool:
        """Tell whether the server would accept this refresh token now."""
        return self._table.active_refresh_token(refresh_token) is not None

    def accepts(self, token: str) -> bool:
        """Tell whether the API would accept this access token or API key now."""
        return (self._table.bearer(token) or self._keys.bearer(token)) is not None

    def issue(
        self, account: str = "account-1", scopes: Sequence[str] = USUAL_SCOPES
    ) -> IssuedTokens:
        """Make a grant with its first tokens, as if the person had agreed. Any `account-N` will do."""
        return self._table.issue(account, scopes)

    def issue_key(self, account: str = "account-1") -> str:
        """Make an API key, as the person would in the settings."""
        return self._keys.issue(account)

    @property
    def keys(self) -> list[APIKey]:
        """Copies of all API keys, oldest first, also of those that were deleted."""
        return self._keys.snapshot()

    def delete_key(self, key: str) -> bool:
        """Delete an API key, as the person would; False when it is unknown or deleted already."""
        return self._keys.delete(key)

    def revoke(self, grant_id: str) -> bool:
        """Remove a grant as its owner would; False when it is unknown or has ended."""
        return self._table.revoke(grant_id)

    def revoke_account(self, account: str) -> int:
        """Remove all grants of an account and return how many were alive."""
        return sum(self.revoke(grant.id) for grant in self.grants if grant.account == account)

    def replay(self, grant_id: str) -> bool:
        """Use the newest consumed refresh token again, which ends the grant; False when none was consumed."""
        return self._table.replay(grant_id)

    def fail_next(
        self,
        kind: str,
        times: int | None = 1,
        *,
        on: str = "token",
        after: int = 0,
        grant: str | None = None,
        **options: Any,
    ) -> None:
        """Let the next requests of an endpoint fail; `sandbox.faults` lists kinds and options.

        `times` None lasts until `clear_faults`; the first `after` matching requests pass; `grant` limits the fault to
        requests that carry a token or code of this grant. Raises ValueError for an unknown kind, endpoint or option.
        """
        self._application.faults.add(
            Fault(kind=kind, on=on, times=times, after=after, grant=grant, options=options)
        )

    @contextmanager
    def failing(self, kind: str, *, on: str = "token", **options: Any) -> Iterator[None]:
        """Let all requests of an endpoint fail meanwhile; raises as `fail_next`."""
        fault = Fault(kind=kind, on=on, times=None, options=options)
        self._application.faults.add(fault)
        try:
            yield
        finally:
            self._application.faults.remove(fault)

    def clear_faults(self) -> None:
        """Forget all faults that wait."""
        self._application.faults.clear()

    def handle(self, request: Request) -> Response | None:
        """Answer a request in place; None means: the connection closes without an answer."""
        return self._application.handle(request)

    def profile(self, account: str) -> dict[str, object]:
        """Return what the API tells of an account."""
        return api.profile(account, self.url)

    @property
    def posts(self) -> list[Post]:
        """The newest posts, oldest first."""
        return list(self._application.state.posts)

    def post(self, text: str, account: str = "account-1", **given: Any) -> Post:
        """Make a post as its owner would; `given` are fields of Buffer's `CreatePostInput`."""
        usual = {"channelId": "channel-1", "schedulingType": "automatic", "mode": "addToQueue"}
        return self._application.state.post(account, "", {**usual, "text": text, **given})

    @property
    def requests(self) -> list[Request]:
        """The recorded requests, oldest first, those that met a fault included. `endpoint` says whom each was for."""
        return self._application.requests()

    def requests_to(self, endpoint: str) -> list[Request]:
        """Return the requests of one endpoint: page, authorization, token, revocation, introspection, api, discovery."""
        return [request for request in self.requests if request.endpoint == endpoint]

    def forget_requests(self) -> None:
        """Start the record of requests anew."""
        self._application.forget_requests()

    def authorize(
        self,
        url: str,
        *,
        account: str = "account-1",
        deny: bool = False,
        scopes: Sequence[str] | None = None,
        session: str = "browser",
    ) -> str:
        """Play the person before the consent page and return the redirect back to the client.

        `url` is the full authorization URL; `scopes` those left ticked (None: all); `session` the browser's, which
        matters with `shared_grants` only. Raises ValueError when the answer is a page and not a redirect.
        """
        parts = urlsplit(url)
        headers = Message()
        headers["Content-Type"], headers["Cookie"] = FORM, f"{SESSION_COOKIE}={session}"
        request = Request(method="POST", path=parts.path, query=parts.query, headers=headers)
        ticked = request.params.get("scope", [""])[0].split() if scopes is None else scopes
        fields = {"decision": "deny" if deny else "allow", "account": account, "scope": ticked}
        request.body = urlencode(fields, doseq=True).encode()
        response = self._application.handle(request)
        if (
            not url.startswith(f"{self.url}/")
            or response is None
            or "Location" not in response.headers
        ):
            raise ValueError(
                "The sandbox did not redirect: wrong address, unknown client or wrong redirect URI."
            )
        return response.headers["Location"]

    def _pause(self, seconds: float) -> None:
        if seconds > 0 and self._stopping.wait(seconds):
            raise ConnectionAbortedError("the sandbox was stopped")


def _loopback(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = IPv4Address(host)
    except AddressValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ValueError(
            f"The sandbox protects nothing, so it listens on 127.0.0.1 only, not on {host}."
        )
    return host
