"""Looks at the database all the time, apart from those who use it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from django.db import Error, connections

from benchmarks.reliability.databases import Session, of_this_run
from benchmarks.reliability.records import Span
from buffer_connect.flows.refresh.halt import halts

LOOK_EVERY = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen at one moment; `sessions` is None when the server did not say."""

    at: float
    is_there: bool
    # Whether the breaker or the brake forbade to claim.
    is_halted: bool
    sessions: list[Session] | None


class Witness:
    """A thread that looks, from `start` to `end`."""

    def __init__(self) -> None:
        self.looks: list[Look] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def away(self) -> list[Span]:
        """Return the times in which no look found the database there."""
        return self._times(lambda look: not look.is_there)

    def halted(self) -> list[Span]:
        """Return the times in which every look found that nothing may be claimed."""
        return self._times(lambda look: look.is_halted)

    def _times(self, is_so: Callable[[Look], bool]) -> list[Span]:
        moments = [[look.at for look in looks] for so, looks in groupby(self.looks, is_so) if so]
        return [Span(start=found[0], end=found[-1]) for found in moments]

    def _watch(self) -> None:
        database = of_this_run()
        try:
            while not self._stop.wait(LOOK_EVERY):
                at = time.time()
                is_there = database.is_there()
                try:
                    sessions = database.sessions()
                except Error:
                    sessions = None
                look = Look(at=at, is_there=is_there, is_halted=_halts(), sessions=sessions)
                self.looks.append(look)
        finally:
            database.close()
            connections.close_all()


def _halts() -> bool:
    try:
        return bool(halts())
    except Error:
        return False
