"""Looks at the database all the time, apart from those who use it."""

import threading
import time
from dataclasses import dataclass
from itertools import groupby

from django.db import Error

from benchmarks.reliability.databases import Session, of_this_run
from benchmarks.reliability.records import Span

LOOK_EVERY = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen at one moment; `sessions` is None when the server did not say."""

    at: float
    is_there: bool
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
        groups = groupby(self.looks, key=lambda look: look.is_there)
        moments = [[look.at for look in looks] for is_there, looks in groups if not is_there]
        return [Span(start=failed[0], end=failed[-1]) for failed in moments]

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
                self.looks.append(Look(at=at, is_there=is_there, sessions=sessions))
        finally:
            database.close()
