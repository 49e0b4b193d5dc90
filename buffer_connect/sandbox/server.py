"""The sandbox's sockets: HTTP/1.1 with keep-alive, one thread a connection, one write an answer."""

import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any, cast
from urllib.parse import unquote

from buffer_connect.sandbox.messages import Request, Response

MAX_BODY = 1_000_000
_REASONS = {status.value: status.phrase for status in HTTPStatus}

# Answers one request; None closes the connection without a byte.
Handle = Callable[[Request], Response | None]


class Server(ThreadingHTTPServer):
    """Serves one application; `close` ends open connections too."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        handle: Handle,
        *,
        now: Callable[[], float],
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.handle, self.now, self.log = handle, now, log
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, _Connection)

    def close(self) -> None:
        """Stop accepting, hang up on everybody and wait for the threads to notice."""
        ending = threading.Thread(target=self.shutdown)
        ending.start()
        # It looks up from its wait when somebody comes.
        with suppress(OSError):
            host, port, *_ = self.server_address
            socket.create_connection((str(host), port), timeout=1).close()
        ending.join()
        self.server_close()
        with self._changed:
            for connection in self._connections:
                _hang_up(connection)
            self._changed.wait_for(lambda: not self._connections, timeout=2)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that has gone away is everyday business here.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    """Reads requests off one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: BaseServer

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent: request lines hold codes."""

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            return
        path, _, query = self.path.partition("?")
        server = cast("Server", self.server)
        request = Request(
            method=self.command, path=unquote(path), query=query, headers=self.headers, body=body
        )
        response = server.handle(request)
        if server.log is not None:
            server.log(
                f"{request.method} {request.path} {response.status if response else 'no answer'}"
            )
        request.ended_at = server.now()
        if response is None:
            self.close_connection = True
        elif response.reset:
            self._reset()
        else:
            self._send(response)

    def _body(self) -> bytes | None:
        """Read the whole body; None when it is not all there, too large or of unknown length."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY or "Transfer-Encoding" in self.headers:
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def _send(self, response: Response) -> None:
        lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, '')}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines += [f"Content-Type: {response.content_type}"] if response.body else []
        lines += [f"Content-Length: {len(response.body)}"]
        if response.cut is not None:
            self.close_connection = True
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self.wfile.write(head + response.written)

    def _reset(self) -> None:
        """Close the connection so that the other side takes it for broken, not for ended."""
        self.close_connection = True
        # Without lingering, closing sends a reset; a shutdown before it would send an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # gone already
