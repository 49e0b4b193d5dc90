"""Lets things go wrong, in an order that a seed repeats."""

import random
import time
from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from benchmarks.reliability import timing
from benchmarks.reliability.buffer import Buffer
from benchmarks.reliability.crew import Crew
from benchmarks.reliability.databases import Server, SQLite
from benchmarks.reliability.people import People
from benchmarks.reliability.staff import Staff
from benchmarks.reliability.troubles import FAULTS, SLOW, any_fault

# Seconds from one trouble to the next, on average.
PAUSE = 0.25
MOST_WAITING = 3
LOOK_EVERY = 0.02
# Well within the shortest absence of the database: the conductor waits meanwhile.
REFUSES_FOR = 0.3, 0.8
STAFF_LOOKS_EVERY = 0.5
SHORT_AWAY, LONG_AWAY = timing.COMMIT / 3, timing.COMMIT + 1.5


class Conductor:
    """One run's troubles; `done` counts those that the sandbox does not know of."""

    def __init__(
        self,
        rng: random.Random,
        buffer: Buffer,
        *,
        crew: Crew,
        people: People,
        staff: Staff,
        database: Server | SQLite,
    ) -> None:
        self.done: Counter[str] = Counter()
        self._rng, self._buffer = rng, buffer
        self._crew, self._people, self._staff = crew, people, staff
        self._database = database
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._turn = count()
        self._is_away = False
        self._troubles: dict[Callable[[], None], int] = {
            self._fail: 40,
            self._fail_elsewhere: 10,
            self._refuse: 1,
            self._slow_down: 1,
            self._refuse_the_client: 1,
            self._kill: 3,
            self._stop: 1,
            self._cut: 1,
            self._be_away: 1,
            self._remove: 2,
            self._reconnect: 2,
            self._disconnect: 4,
            self._rotate: 1,
        }

    def stand_still(self, seconds: float) -> None:
        """Let `seconds` pass in which nothing goes wrong but what the crew does to itself."""
        self._go_on(seconds)

    def trouble(self, seconds: float) -> None:
        """Let things go wrong for `seconds`, then put all to rights."""
        self._later(0, self._next)
        self._later(0, self._reconnect_ended)
        self._later(0, self._look)
        # Nothing else loses an answer that has arrived at a living process.
        self._later(seconds * self._rng.uniform(0.3, 0.6), self._be_away_for_long)
        self._go_on(seconds)
        self._agenda.clear()
        self._buffer.be_well()
        self._come_back()

    def calm(self, seconds: float) -> None:
        """Let `seconds` pass in which nothing goes wrong."""
        self._crew.calm()
        self._later(0, self._look)
        self._go_on(seconds)

    def _go_on(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            while self._agenda and self._agenda[0][0] <= time.monotonic():
                heappop(self._agenda)[-1]()
            time.sleep(LOOK_EVERY)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heappush(self._agenda, (time.monotonic() + seconds, next(self._turn), action))

    def _next(self) -> None:
        """Let one thing go wrong, and another one soon."""
        (action,) = self._rng.choices(list(self._troubles), list(self._troubles.values()))
        action()
        self._later(self._rng.expovariate(1 / PAUSE), self._next)

    # At Buffer.

    def _fail(self) -> None:
        # While few requests come, as when the client is refused, faults must not pile up.
        if self._buffer.troubles("token") < MOST_WAITING:
            kind, options = any_fault(self._rng, "token")
            self._buffer.fail(kind, **options)

    def _fail_elsewhere(self) -> None:
        """Where few requests come: one fault waits for them, so that most find all well."""
        endpoint = self._rng.choice([each for each in FAULTS if each != "token"])
        if not self._buffer.troubles(endpoint):
            kind, options = any_fault(self._rng, endpoint)
            self._buffer.fail(kind, **options)

    def _refuse(self) -> None:
        self._buffer.refuse(self._rng.uniform(*REFUSES_FOR))
        self.done["port of the server closed"] += 1

    def _slow_down(self) -> None:
        """Many answers are slow: what waits for one must hold no connection of the database."""
        self._buffer.fail("slow", times=20, seconds=SLOW)

    def _refuse_the_client(self) -> None:
        self._buffer.fail("invalid_client", times=2)

    # To the processes.

    def _kill(self) -> None:
        if self._crew.kill_one():
            self.done["SIGKILL at any moment"] += 1

    def _stop(self) -> None:
        if self._crew.stop_one():
            self.done["SIGSTOP at any moment"] += 1

    # To the database.

    def _cut(self) -> None:
        if not self._is_away and (cut := self._database.cut()):
            self.done["database sessions cut"] += cut

    def _be_away(self) -> None:
        self._go_away(SHORT_AWAY, "database away within the commit budget")

    def _be_away_for_long(self) -> None:
        """While some answers are on their way: those are what it costs."""
        self._buffer.fail("slow", times=8, seconds=SLOW)
        self._later(0.9 * SLOW, self._leave_for_long)

    def _leave_for_long(self) -> None:
        if not self._go_away(LONG_AWAY, "database away beyond the commit budget"):
            self._later(SHORT_AWAY, self._be_away_for_long)

    def _go_away(self, seconds: float, name: str) -> bool:
        if self._is_away or not self._database.lock_out():
            return False
        self._is_away = True
        self.done[name] += 1
        self._later(seconds, self._come_back)
        return True

    def _come_back(self) -> None:
        if self._is_away:
            self._database.let_in()
            self._is_away = False

    # By the staff.

    def _look(self) -> None:
        if not self._is_away and (way := self._staff.look()):
            self.done[f"brake taken off by {way}"] += 1
        self._later(STAFF_LOOKS_EVERY, self._look)

    def _rotate(self) -> None:
        if not self._is_away:
            self._crew.hand_out(self._staff.rotate())
            self.done["encryption keys rotated"] += 1

    # By the users.

    def _remove(self) -> None:
        if not self._is_away and self._people.remove_one():
            self.done["removed at Buffer by the user"] += 1

    def _reconnect(self) -> None:
        if not self._is_away and self._people.reconnect_one():
            self.done["reconnected while all was well"] += 1

    def _disconnect(self) -> None:
        if not self._is_away and self._people.disconnect_one():
            self.done["disconnected here by the user"] += 1

    def _reconnect_ended(self) -> None:
        if not self._is_away:
            self.done["reconnected after an end"] += self._people.reconnect_ended()
        self._later(1, self._reconnect_ended)
