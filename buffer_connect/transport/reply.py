"""An answer read piece by piece, within its deadline and its cap."""

from __future__ import annotations

import contextlib
import http.client
import io
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from requests.structures import CaseInsensitiveDict

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from _typeshed import WriteableBuffer

    from buffer_connect.transport.attempt import Attempt

PIECE_BYTES = 64 * 1024
# A token response with its headers.
LATE_BYTES = 128 * 1024
# Lists that may come in several lines (RFC 9651 section 3.1). Of other headers the last line counts.
LISTS = ("RateLimit", "RateLimit-Policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; `complete` is false when the network or the cap has cut its body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    complete: bool


class PacedReader(io.RawIOBase):
    """A socket's reader that waits no longer than the attempt lasts: headers may trickle too.

    What has come by the end is read all the same, as far as `LATE_BYTES` go: a process that stood
    still must not lose an answer that lies before it.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, attempt: Attempt) -> None:
        # Kept for its hold on the socket, which `http.client` may have closed.
        self._raw = raw
        self._sock = sock
        self._attempt = attempt
        self._late_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        left = min(self._attempt.read, self._attempt.ends_at - time.monotonic())
        if left > 0:
            self._sock.settimeout(left)
            # Whoever wakes from a standstill may be told that time is up before it has looked.
            with contextlib.suppress(TimeoutError):
                return self._sock.recv_into(buffer)
        self._sock.settimeout(0)
        count = self._sock.recv_into(buffer)
        self._late_bytes += count
        if self._late_bytes > LATE_BYTES:
            raise TimeoutError
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class PacedResponse(http.client.HTTPResponse):
    """`http.client`'s response over a `PacedReader`."""

    def __init__(self, attempt: Attempt, sock: socket.socket, **kwargs: Any) -> None:
        super().__init__(sock, **kwargs)
        self.fp = io.BufferedReader(PacedReader(self.fp.detach(), sock, attempt))


def read(response: http.client.HTTPResponse, attempt: Attempt) -> Reply:
    """Return the answer with as much of its body as came; no content encoding is undone."""
    length = response.length
    body = bytearray()
    try:
        ended = length == 0
        while not ended and len(body) <= attempt.cap:
            piece = response.read1(PIECE_BYTES)
            body += piece
            ended = not piece or len(body) == length
    except (OSError, http.client.HTTPException):
        ended = False
    return Reply(
        status=response.status,
        headers=_headers(response),
        body=bytes(body[: attempt.cap]),
        complete=ended and length in (None, len(body)) and len(body) <= attempt.cap,
    )


def _headers(response: http.client.HTTPResponse) -> Mapping[str, str]:
    lists = [(name, response.getheader(name, "")) for name in LISTS if name in response.headers]
    return CaseInsensitiveDict([*response.getheaders(), *lists])
