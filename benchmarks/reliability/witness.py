"""Looks at the database all the time, apart from those who use it."""

import threading
import time
from dataclasses import dataclass
from itertools import groupby, pairwise

from django.db import Error, connections

from benchmarks.reliability.databases import Session, of_this_run
from benchmarks.reliability.records import Span
from buffer_connect.flows.refresh.halt import halts

LOOK_EVERY = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen at one moment; `sessions` is None when the server did not say.

    `until` is when it was known whether the database is there: who waits for it needs time.
    """

    at: float
    until: float
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
        """Return the times from each look that did not find the database there until one did."""
        spans: list[Span] = []
        for before, look in pairwise(self.looks):
            if before.is_there:
                continue
            start = spans.pop().start if spans and spans[-1].end == before.until else before.at
            spans.append(Span(start=start, end=look.until))
        return spans

    def halted(self) -> list[Span]:
        """Return the times in which every look found that nothing may be claimed."""
        by_so = groupby(self.looks, lambda look: look.is_halted)
        moments = [[look.at for look in looks] for is_so, looks in by_so if is_so]
        return [Span(start=found[0], end=found[-1]) for found in moments]

    def _watch(self) -> None:
        database = of_this_run()
        try:
            while not self._stop.wait(LOOK_EVERY):
                at = time.time()
                is_there = database.is_there()
                until = time.time()
                try:
                    sessions = database.sessions()
                except Error:
                    sessions = None
                self.looks.append(
                    Look(
                        at=at,
                        until=until,
                        is_there=is_there,
                        is_halted=_halts(),
                        sessions=sessions,
                    )
                )
        finally:
            database.close()
            connections.close_all()


def _halts() -> bool:
    try:
        return bool(halts())
    except Error:
        return False
