"""Asking a sweep to stop: what is out is finished and stored, nothing new is claimed."""

from __future__ import annotations

import mmap
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

POLL = 0.05


class Stop(Protocol):
    """What a sweep looks at: a `threading.Event`, a `SharedFlag`, or `Either`."""

    def set(self) -> None:
        """Ask to stop."""

    def is_set(self) -> bool:
        """Return whether somebody asked to stop."""

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for it; return whether it is set."""


class SharedFlag:
    """An event that forked processes share with their parent.

    One byte of shared memory: there is no lock that a killed process could keep.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Set it, for this process, its children and its parents."""
        self._byte[0] = 1

    def is_set(self) -> bool:
        """Return whether anybody has set it."""
        return self._byte[0] == 1

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for it; return whether it is set."""
        return _wait_for(self, timeout)


class Either:
    """Set as soon as one of two is; to set it sets the first."""

    def __init__(self, own: Stop, shared: Stop) -> None:
        self._own, self._shared = own, shared

    def set(self) -> None:
        """Set the first."""
        self._own.set()

    def is_set(self) -> bool:
        """Return whether one of them is set."""
        return self._own.is_set() or self._shared.is_set()

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for it; return whether it is set."""
        return _wait_for(self, timeout)


def _wait_for(flag: Stop, timeout: float) -> bool:
    over = time.monotonic() + timeout
    while not flag.is_set() and (left := over - time.monotonic()) > 0:
        time.sleep(min(POLL, left))
    return flag.is_set()


@contextmanager
def finishing_first(flag: Stop) -> Iterator[None]:
    """Let a SIGTERM set `flag` and wait for the end of the block, then take its course.

    For the main thread; on another one, or under a handler that is not Python's, nothing changes.
    """
    usual = signal.getsignal(signal.SIGTERM)
    if usual is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def finish_first(number: int, frame: Any) -> None:
        came.append(number)
        flag.set()

    signal.signal(signal.SIGTERM, finish_first)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)
        if came:
            signal.raise_signal(signal.SIGTERM)
