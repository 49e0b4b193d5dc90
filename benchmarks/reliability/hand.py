"""One process of the crew: killed, stopped, and let go on."""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.reliability import journal
from benchmarks.reliability.records import Span
from benchmarks.reliability.timing import STANDSTILL


@dataclass(kw_only=True)
class Hand:
    """One process, from its start to its end."""

    agent: str
    kind: str
    process: multiprocessing.process.BaseProcess
    notes: Path
    stops_itself: bool
    killed_at: float | None = None
    stopped_at: float | None = None
    standstills: list[Span] = field(default_factory=list)
    asked_to_end: bool = False
    ended_at: float = 0.0

    @property
    def fell_over(self) -> bool:
        """Whether it ended, and neither by a signal that was meant for it nor at its time."""
        at_its_time = {0, -signal.SIGTERM} if self.asked_to_end else {}
        return self.process.exitcode not in {-signal.SIGKILL, *at_its_time}

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.killed_at = time.time()
        self.process.kill()

    def stop(self) -> bool:
        """Let it stand still, as in a machine that is suspended; False when it has gone."""
        at = time.time()
        is_there = self._signal(signal.SIGSTOP)
        if is_there:
            self.stopped_at = at
        return is_there

    def look(self) -> None:
        """Note whether it has stopped itself; let it go on when it stood still for long enough."""
        if self.stopped_at is None:
            before = self.standstills[-1].end if self.standstills else 0.0
            if self.stops_itself:
                self.stopped_at = journal.signalled_at(self.notes, after=before)
        elif time.time() - self.stopped_at > STANDSTILL:
            self.go_on()

    def go_on(self) -> None:
        """End the standstill, if there is one."""
        if self.stopped_at is not None:
            self.standstills.append(Span(start=self.stopped_at, end=time.time()))
            self.stopped_at = None
            self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> bool:
        try:
            os.kill(self.process.pid, number)
        except ProcessLookupError:
            return False
        return True
