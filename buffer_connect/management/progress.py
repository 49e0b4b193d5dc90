"""One line on a terminal that tells how far a long job is; nothing anywhere else."""

from datetime import timedelta
from time import monotonic

from django.core.management.base import OutputWrapper

# Seconds between two drawings.
EVERY = 0.2
WIPE = "\r\x1b[K"


class ProgressLine:
    """Draws over itself; a log or a pipe gets no line at all."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._is_seen = out.isatty()
        self._started = monotonic()
        self._drawn_at = float("-inf")

    def show(self, done: int, total: int | None = None) -> None:
        """Draw `done` with the rate and, of a known `total`, the time that is left, now and then."""
        now = monotonic()
        if not self._is_seen or now - self._drawn_at < EVERY:
            return
        self._drawn_at = now
        rate = done / max(now - self._started, 0.001)
        if total is None:
            text = f"{done:,}, {rate:,.0f} a second"
        else:
            left = timedelta(seconds=round(max(total - done, 0) / rate))
            text = f"{done:,} of {total:,}, {rate:,.0f} a second, {left} left"
        self._out.write(WIPE + text, ending="")
        self._out.flush()

    def wipe(self) -> None:
        """Take the line away."""
        if self._is_seen:
            self._out.write(WIPE, ending="")
