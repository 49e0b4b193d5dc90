"""An answer read piece by piece, within its deadline and its cap."""

from __future__ import annotations

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
        self._raw = raw
        self._sock = sock
        self._attempt = attempt
        self._late_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = min(self._attempt.read, self._attempt.ends_at - time.monotonic())
        self._sock.settimeout(max(0.0, left))
        count = self._raw.readinto(buffer)
        if left <= 0:
            self._late_bytes += count or 0
        # Without a time-out, None says that nothing is there.
        if count is None or self._late_bytes > LATE_BYTES:
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
        headers=CaseInsensitiveDict(response.getheaders()),
        body=bytes(body[: attempt.cap]),
        complete=ended and length in (None, len(body)) and len(body) <= attempt.cap,
    )
