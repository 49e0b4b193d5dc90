"""What is compared, and the arithmetic of the comparison."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from django.conf import settings

from benchmarks import contenders

Contender = Callable[[int], float]


@dataclass(frozen=True, kw_only=True)
class Race:
    """This package against the bare loop, at one latency (seconds), over so many links.

    `goal` is the ratio of speeds to reach, None where it is only shown.
    """

    name: str
    latency: float
    links: int
    ours: Contender
    bare: Contender
    goal: float | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """Links a second of each run; runs of one index stood side by side."""

    race: Race
    ours: list[float]
    bare: list[float]

    @property
    def ratio(self) -> float:
        """The median of the paired ratios."""
        return statistics.median(a / b for a, b in zip(self.ours, self.bare, strict=True))


def _sweep(in_flight: int) -> dict[str, Contender]:
    return {
        "ours": partial(contenders.sweep, in_flight=in_flight),
        "bare": partial(contenders.bare, threads=in_flight),
    }


def _calls() -> dict[str, Contender]:
    return {"ours": contenders.calls, "bare": partial(contenders.bare, threads=1)}


RACES = [
    Race(name="sweep, one by one", latency=0.0, links=400, goal=0.8, **_sweep(1)),
    Race(name="sweep, one by one", latency=0.06, links=50, goal=0.8, **_sweep(1)),
    Race(name="sweep, 16 in flight", latency=0.0, links=600, **_sweep(16)),
    Race(name="sweep, 16 in flight", latency=0.06, links=640, goal=0.9, **_sweep(16)),
    Race(name="callers, one by one", latency=0.0, links=300, **_calls()),
    Race(name="callers, one by one", latency=0.06, links=50, goal=0.5, **_calls()),
]


def run(race: Race, rounds: int) -> Result:
    """Let both run in turn, `rounds` times each, after one round that does not count."""
    ours, bare = [], []
    with token_endpoint(race.latency):
        for number in range(rounds + 1):
            pair = race.links / race.ours(race.links), race.links / race.bare(race.links)
            if number:
                ours.append(pair[0])
                bare.append(pair[1])
    return Result(race=race, ours=ours, bare=bare)


@contextmanager
def token_endpoint(latency: float) -> Iterator[None]:
    """Serve token requests from another process and point the settings there."""
    command = [sys.executable, "-m", "benchmarks.server", str(latency)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        settings.BUFFER_CONNECT["ISSUER"] = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        yield
        server.stdin.close()
