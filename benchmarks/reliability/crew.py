"""The workers and callers: started, killed, stopped, let go on, and started again.

They are forked from a server that has loaded the site once: what is to be short is their absence.
"""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.reliability import worker
from benchmarks.reliability.hand import Hand
from benchmarks.reliability.records import Span
from benchmarks.reliability.steps import MOMENTS

# How often a process may come to the step at which it meets its end; a caller comes there rarely.
AT_MOST = {"sweep": 30, "call": 3}
STOPS = (
    "between T1 and T2",
    "between T2 and the send",
    "at the last moment before the send",
    "after the send",
    "answer arrived, not stored",
)
LOOK_EVERY = 0.05
ENDS_WITHIN = 60.0


class Crew:
    """So many processes of each kind, one started for each that ends.

    `order` is what every one is told, see `benchmarks.reliability.worker`. What a process meets
    (a signal at a moment of the protocol) goes round, so that each moment comes up. With
    `is_deadly` false none is killed.
    """

    def __init__(
        self,
        rng: random.Random,
        folder: Path,
        *,
        url: str,
        order: dict[str, Any],
        is_deadly: bool = True,
    ) -> None:
        self.gone: list[Hand] = []
        self.hands: dict[str, Hand] = {}
        self._rng, self._folder, self._order = rng, folder, order
        self._is_deadly = is_deadly
        self._meetings = {kind: self._going_round(kind) for kind in AT_MOST}
        self._is_calm = False
        self._started = 0
        # A process that stands still may hold up the conductor: others have to let it go on.
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._foreman = threading.Thread(target=self._look_after)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([worker.__name__])
        # The server takes it from here when it is started, with the first process.
        os.environ["DATABASE_URL"] = url

    def start(self, *, sweeps: int, callers: int) -> None:
        """Start the first of each."""
        for name in [f"sweep-{n}" for n in range(sweeps)] + [f"call-{n}" for n in range(callers)]:
            self._start(name)
        self._foreman.start()

    def kill_one(self) -> bool:
        """Kill one at random; False when there is none to kill."""
        with self._lock:
            living = self._living()
            if living:
                self._rng.choice(living).kill()
        return bool(living)

    def stop_one(self) -> bool:
        """Let one at random stand still; False when there is none to stop."""
        with self._lock:
            living = self._living()
            return bool(living) and self._rng.choice(living).stop()

    def hand_out(self, keys: list[str]) -> None:
        """Let those who are started from now on have these keys."""
        self._order["keys"] = keys

    def calm(self) -> None:
        """From now on nobody meets anything: let each finish, and one start that is told nothing."""
        with self._lock:
            self._is_calm = True
            self._ask_to_end()

    def end(self) -> None:
        """Let all finish what they are at, and wait for that."""
        self._dismiss_foreman()
        self._ask_to_end()
        for name in list(self.hands):
            self.hands[name].process.join(ENDS_WITHIN)
            self._bury(name)

    def kill(self) -> None:
        """Leave nothing behind, whatever has happened."""
        self._dismiss_foreman()
        for name in list(self.hands):
            self.hands[name].kill()
            self.hands[name].process.join()
            self._bury(name)

    def _dismiss_foreman(self) -> None:
        self._stop.set()
        if self._foreman.is_alive():
            self._foreman.join()

    def _look_after(self) -> None:
        """Start one anew for each that has ended, and let those go on that have stood still."""
        while not self._stop.wait(LOOK_EVERY):
            with self._lock:
                for name, hand in list(self.hands.items()):
                    if hand.process.is_alive():
                        hand.look()
                    else:
                        self._bury(name)
                        self._start(name)

    def _living(self) -> list[Hand]:
        return [h for h in self.hands.values() if h.stopped_at is None and h.killed_at is None]

    def _ask_to_end(self) -> None:
        for hand in self.hands.values():
            hand.go_on()
            hand.asked_to_end = True
            hand.process.terminate()

    def _start(self, name: str) -> None:
        self._started += 1
        kind, agent = name.split("-", maxsplit=1)[0], f"{name}.{self._started}"
        order = {
            **self._order,
            "kind": kind,
            "agent": agent,
            "folder": str(self._folder),
            # Some ask the server about tokens in doubt, some cannot.
            "introspection": name.endswith("0"),
            "meet": {} if self._is_calm else next(self._meetings[kind]),
        }
        process = self._context.Process(target=worker.work, args=(order,), daemon=True)
        process.start()
        self.hands[name] = Hand(
            agent=agent,
            kind=kind,
            process=process,
            notes=self._folder / f"{agent}.journal",
            stops_itself=order["meet"].get("number") == signal.SIGSTOP,
        )

    def _bury(self, name: str) -> None:
        hand = self.hands.pop(name)
        hand.ended_at = hand.killed_at or time.time()
        if hand.stopped_at is not None:
            hand.standstills.append(Span(start=hand.stopped_at, end=time.time()))
        self.gone.append(hand)

    def _going_round(self, kind: str) -> Iterator[dict[str, Any]]:
        stop = {"number": signal.SIGSTOP, "again": not self._is_deadly}
        meetings: list[dict[str, Any]] = [{"at": at, **stop} for at in STOPS]
        if self._is_deadly:
            meetings += [{}, *({"at": at, "number": signal.SIGKILL} for at in MOMENTS)]
        while True:
            self._rng.shuffle(meetings)
            for each in meetings:
                yield {**each, "times": self._rng.randint(1, AT_MOST[kind])} if each else {}
