"""One POST over a kept connection: never repeated, ended on time, and known to have left or not.

requests and urllib3 do not tell a request that never left from one whose answer was lost, and they
bound each read instead of the whole answer. A refresh token that works once needs both, so the
bytes go through `http.client` here.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

from django.views.decorators.debug import sensitive_variables
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util import wait_for_read

from buffer_connect.transport.reply import PacedResponse, Reply, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from buffer_connect.transport.attempt import Attempt

# A server or a load balancer may be closing a connection that has been idle for longer.
IDLE_SECONDS = 2.0


class NoAnswer(Exception):
    """No answer came; `Attempt.written` tells whether the request left, the text names the fault."""


class Carrier(Protocol):
    """What can carry requests in place of the network."""

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes, attempt: Attempt) -> Reply:
        """Do as `Wire.post`."""


class Origin(NamedTuple):
    """What a connection is kept for."""

    scheme: str
    host: str
    port: int | None


@functools.cache
def trusted() -> ssl.SSLContext:
    """Return the context that verifies host names against the certificates of requests."""
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    context.set_alpn_protocols(["http/1.1"])
    return context


class Wire:
    """Connections kept by origin, for all threads of one process."""

    def __init__(
        self,
        *,
        tls: Callable[[], ssl.SSLContext] = trusted,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._tls = tls
        self._idle_seconds = idle_seconds
        # For tests: carries everything, and nothing is opened.
        self.stand_in: Carrier | None = None
        # Appends and pops of a deque need no lock, so a fork never finds one taken.
        self._idle: dict[Origin, deque[tuple[http.client.HTTPConnection, float]]] = {}

    @sensitive_variables()
    def post(self, url: str, *, headers: Mapping[str, str], body: bytes, attempt: Attempt) -> Reply:
        """Send one request and return its answer, whatever its status and however much of it came.

        Raises `NoAnswer`. No redirect is followed, no environment read and no proxy used.
        """
        if self.stand_in is not None:
            return self.stand_in.post(url, headers=headers, body=body, attempt=attempt)
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        origin = Origin(parts.scheme, parts.hostname or "", parts.port)
        try:
            with self._connection(origin) as connection:
                _write(connection, target, headers, body, attempt)
                return _answer(connection, attempt)
        except (OSError, http.client.HTTPException, ValueError) as fault:
            # None of these is kept: their texts and frames may hold the request or the answer.
            raise NoAnswer(type(fault).__name__) from None

    def close(self) -> None:
        """Close the kept connections; those in use stay with their threads."""
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection, _ in connections:
                connection.close()

    @contextlib.contextmanager
    def _connection(self, origin: Origin) -> Iterator[http.client.HTTPConnection]:
        connection = self._take(origin) or self._new(origin)
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            yield connection
            if connection.sock is not None:
                stack.pop_all()
                self._idle_at(origin).append((connection, time.monotonic()))

    def _take(self, origin: Origin) -> http.client.HTTPConnection | None:
        idle = self._idle_at(origin)
        # Another thread may take the last one at any moment.
        with contextlib.suppress(IndexError):
            while True:
                connection, since = idle.pop()
                if time.monotonic() - since < self._idle_seconds and _is_quiet(connection):
                    return connection
                connection.close()
        return None

    def _idle_at(self, origin: Origin) -> deque[tuple[http.client.HTTPConnection, float]]:
        return self._idle.setdefault(origin, deque())

    def _new(self, origin: Origin) -> http.client.HTTPConnection:
        connection = (
            http.client.HTTPSConnection(origin.host, origin.port, context=self._tls())
            if origin.scheme == "https"
            else http.client.HTTPConnection(origin.host, origin.port)
        )
        # A site may have switched on http.client's printing of all that is sent.
        connection.set_debuglevel(0)
        return connection


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    # What comes unasked is the end of the connection, or would pass for the next answer.
    sock = connection.sock
    unread = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
    return not unread and not wait_for_read(sock, timeout=0)


@sensitive_variables()
def _write(
    connection: http.client.HTTPConnection,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    attempt: Attempt,
) -> None:
    if connection.sock is None:
        connection.timeout = attempt.left(attempt.connect)
        connection.connect()
    connection.putrequest("POST", target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.sock.settimeout(attempt.left(attempt.read))
    with attempt.writing():
        connection.endheaders(body)


def _answer(connection: http.client.HTTPConnection, attempt: Attempt) -> Reply:
    connection.response_class = functools.partial(PacedResponse, attempt)  # type: ignore[assignment]
    with contextlib.closing(connection.getresponse()) as response:
        reply = read(response, attempt)
    # An informational status is followed by the real answer, that nobody waits for here.
    if not reply.complete or reply.status < http.HTTPStatus.OK:
        connection.close()
    return reply
