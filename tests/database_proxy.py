"""A proxy before a database server, which breaks connections at a statement of its choice."""

import contextlib
import socket
import threading
import time

CHUNK = 65_536


class DatabaseProxy:
    """Forwards connections to a server, until it is told where to break one.

    After that it is an ordinary proxy again, or lets nobody in for a while.
    """

    def __init__(self, host, port):
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pieces, self._moment, self._away_for = [], "", 0.0
        self._closed_until = 0.0
        self.has_broken = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def break_at(self, moment, *pieces, away_for=0.0):
        """Break the connection on which `pieces` of statements come by in this order, at the last.

        `moment` is before (the server never sees the statement) or after (it has carried it out, and
        the client does not hear of it). Then nobody gets in for `away_for` seconds.
        """
        self._pieces = [piece.encode() for piece in pieces]
        self._moment, self._away_for = moment, away_for
        self.has_broken = False

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), client:
            if time.monotonic() < self._closed_until:
                return
            with socket.create_connection(self._server) as server:
                is_deaf = threading.Event()
                back = threading.Thread(target=_back, args=(server, client, is_deaf), daemon=True)
                back.start()
                self._forth(client, server, is_deaf)
                # The end of the connection comes after the work that was asked for.
                server.shutdown(socket.SHUT_WR)
                back.join()

    def _forth(self, client, server, is_deaf):
        while data := client.recv(CHUNK):
            if self._is_the_one(data):
                is_deaf.set()
                self._closed_until = time.monotonic() + self._away_for
                if self._moment == "after":
                    server.sendall(data)
                return
            server.sendall(data)

    def _is_the_one(self, data):
        with self._lock:
            while self._pieces and self._pieces[0] in data:
                self._pieces.pop(0)
                if not self._pieces:
                    self.has_broken = True
                    return True
        return False


def _back(server, client, is_deaf):
    """Forward what the server says, unless the client is not to hear it."""
    with contextlib.suppress(OSError):
        while data := server.recv(CHUNK):
            if not is_deaf.is_set():
                client.sendall(data)
    _hang_up(client)


def _hang_up(sock):
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
