"""The bounds of one request."""

from __future__ import annotations

import time
from dataclasses import dataclass

from buffer_connect.conf import conf


@dataclass(slots=True, kw_only=True)
class Attempt:
    """How long one request may take, how long its answer may be, and whether it has left.

    `connect` and `read` are seconds, `ends_at` and `write_by` moments of
    `time.monotonic()`, `cap` is bytes. `written` is true as soon as a byte may have left.
    """

    connect: float
    read: float
    ends_at: float
    write_by: float
    cap: int
    written: bool = False

    @classmethod
    def start(cls, *, total: float, cap: int, write_by: float | None = None) -> Attempt:
        """Return an attempt that ends `total` seconds from now."""
        timing = conf.timing
        ends_at = time.monotonic() + total
        return cls(
            connect=timing.connect,
            read=timing.read,
            ends_at=ends_at,
            write_by=ends_at if write_by is None else write_by,
            cap=cap,
        )

    def left(self, most: float) -> float:
        """Return the seconds that the next step may take, at most `most`."""
        left = min(most, self.ends_at - time.monotonic())
        if left <= 0:
            raise TimeoutError
        return left

    def mark_written(self) -> None:
        """Note that the request leaves now; raise `TimeoutError` if it is too late for that."""
        if time.monotonic() > self.write_by:
            raise TimeoutError
        self.written = True
