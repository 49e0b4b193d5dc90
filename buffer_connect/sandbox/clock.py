"""The sandbox's time, which can be moved."""

import time
from collections.abc import Callable


class Clock:
    """Seconds since the epoch, ahead of the source by as much as it was told."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source, self._ahead = source, 0.0

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._source() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds."""
        self._ahead += seconds
