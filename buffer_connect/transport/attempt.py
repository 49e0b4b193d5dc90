"""The bounds of one request."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buffer_connect.conf import conf

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True, kw_only=True)
class Attempt:
    """How long one request may take, how long its answer may be, and whether it has left.

    `connect` and `read` are seconds, `ends_at` and `write_by` moments of
    `time.monotonic()`, `cap` is bytes. With `write_by` the answer must not be missed: how long
    the writing took does not count. `written` is true as soon as a byte may have left.
    """

    connect: float
    read: float
    ends_at: float
    write_by: float | None
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
            write_by=write_by,
            cap=cap,
        )

    def left(self, most: float) -> float:
        """Return the seconds that the next step may take, at most `most`."""
        left = min(most, self.ends_at - time.monotonic())
        if left <= 0:
            raise TimeoutError
        return left

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Let the request leave now; raise `TimeoutError` if it is too late for that."""
        began = time.monotonic()
        if began > (self.ends_at if self.write_by is None else self.write_by):
            raise TimeoutError
        self.written = True
        yield
        if self.write_by is not None:
            # It may have stood still between the look at the clock and the last byte.
            self.ends_at += time.monotonic() - began
