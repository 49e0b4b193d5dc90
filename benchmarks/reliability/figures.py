"""The numbers of a run, beyond what became of each link. Pure: records in, numbers out."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.reliability.judge import SLACK
from benchmarks.reliability.records import Grant, Process, Request, Span, Step, Use, World

# A request that is out for so many seconds is slow, and a transaction as old is held for it.
LONG = 0.5
# Later than so many seconds after the last byte only one commit in so many may come.
LATE, ONE_IN = 1.0, 100
# A caller claims and writes down in one. An answer may also come to one that had stood still.
TAKEN_UP = frozenset({"T1", "T2", "T3", "T7b", "end"})
Held = tuple[int, str, int]
Epoch = tuple[int, str]
Grants = Mapping[Epoch, Grant]


class Grip(StrEnum):
    """How far a process had come with a link when it was killed."""

    CLAIMED = "claimed, not yet sent"
    WRITTEN = "written down, not sent"
    SENT = "sent, not answered"
    ANSWERED = "answered, not stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How many seconds after a kill a link was taken up again; None: it was not.

    Time in which no sweep could have done it does not count, nor what the user has connected since.
    """

    grip: Grip
    taken_up: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """How many sessions were held while a request was out for long, of so many that were seen."""

    held: int
    seen: int


def recoveries(steps: Sequence[Step], grants: Grants, world: World) -> list[Recovery]:
    """Return what became of the links that killed processes had in their hands."""
    by_agent: dict[str, list[Step]] = defaultdict(list)
    by_epoch: dict[Epoch, list[Step]] = defaultdict(list)
    for step in steps:
        by_agent[step.agent].append(step)
        for link, epoch, _ in step.held:
            by_epoch[link, epoch].append(step)
    idle = world.idle()
    return [
        _recovery(grip, process.killed_at, by_epoch[link, epoch], idle)
        for agent, process in world.processes.items()
        if process.killed_at is not None
        for (link, epoch, _), grip in _in_hand(agent, process.killed_at, by_agent[agent], grants)
        if not _was_taken_over(by_epoch[link, epoch], agent, process.killed_at)
    ]


def _was_taken_over(steps: Iterable[Step], agent: str, killed_at: float) -> bool:
    """Whether another process was the last to take the link up before the kill."""
    takers = [s.agent for s in steps if s.rows and s.name in TAKEN_UP and s.ended <= killed_at]
    return bool(takers) and takers[-1] != agent


def _in_hand(
    agent: str, killed_at: float, steps: Iterable[Step], grants: Grants
) -> Iterator[tuple[Held, Grip]]:
    """Give each link whose last step by this process leaves it unfinished, and how far it was."""
    last: dict[Held, str] = {}
    for step in steps:
        for held in step.held if step.rows else ():
            last[held] = step.name
    for held, name in last.items():
        if name == "T1":
            yield held, Grip.CLAIMED
        elif name == "T2":
            link, epoch, generation = held
            uses = grants[link, epoch].token(generation).uses
            yield held, _sent([use for use in uses if use.agent == agent], killed_at)


def _sent(uses: list[Use], killed_at: float) -> Grip:
    if not uses:
        return Grip.WRITTEN
    return Grip.ANSWERED if uses[-1].ended_at <= killed_at else Grip.SENT


def _recovery(
    grip: Grip, killed_at: float, steps: Iterable[Step], idle: Iterable[Span]
) -> Recovery:
    after = (step for step in steps if step.began > killed_at and step.name in TAKEN_UP)
    first = next((step for step in after if step.rows), None)
    if first is None:
        return Recovery(grip=grip, taken_up=None)
    waited = Span(start=killed_at, end=first.began).without(idle)
    return Recovery(grip=grip, taken_up=sum(span.seconds for span in waited))


def commit_times(steps: Iterable[Step], grants: Grants, world: World) -> list[float]:
    """Return the seconds from the last byte of each stored answer to its durable commit.

    Those are left out during which the process stood still or the database was away.
    """
    return [
        step.ended - use.ended_at
        for step in steps
        if step.name == "T3" and step.rows
        for use in _stored(step, grants)
        if _is_undisturbed(use, step, world)
    ]


def _stored(step: Step, grants: Grants) -> Iterator[Use]:
    for link, epoch, generation in step.held:
        use = grants[link, epoch].token(generation).consumption
        if use is not None and use.agent == step.agent:
            yield use


def _is_undisturbed(use: Use, step: Step, world: World) -> bool:
    disturbances = [*world.processes[step.agent].standstills, *world.database_away]
    return not any(span.start <= step.ended and use.ended_at <= span.end for span in disturbances)


def late_commits(times: Sequence[float]) -> int:
    """Count the commits that came late, beyond those few that a busy machine may have held up."""
    late = sum(seconds > LATE for seconds in times)
    return max(0, late - len(times) // ONE_IN)


def pinned(
    looks: Iterable[tuple[float, Mapping[str, Sequence[float | None]]]],
    slow: Sequence[Span],
    processes: Mapping[str, Process],
) -> Pinned:
    """Count the database sessions that were seen held while a request was out for long.

    A look is a moment and, by process, its sessions: for how many seconds each idled inside a
    transaction, or None. A sweep has one session; each further one counts as held, and so does
    each that idles in a transaction. `slow` are the times in which a request was out for long.
    """
    seen = [
        (agent, sessions)
        for at, by_agent in looks
        if any(span.holds(at) for span in slow)
        for agent, sessions in by_agent.items()
        if processes[agent].awake_at(at) == at
    ]
    held = sum(_held(agent, sessions) for agent, sessions in seen)
    return Pinned(held=held, seen=sum(len(sessions) for _, sessions in seen))


def _held(agent: str, sessions: Sequence[float | None]) -> int:
    idle = sum(idles is not None and idles >= LONG for idles in sessions)
    return idle + (max(0, len(sessions) - 1) if agent.startswith("sweep") else 0)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that `percent` per cent of `values` do not exceed."""
    if len(values) < 2:
        return max(values, default=0.0)
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def bound(refreshes: int) -> float:
    """Return below which rate an event lies, with 95 % confidence, that never came (rule of three)."""
    return 3 / refreshes if refreshes else 1.0


def slow(grants: Iterable[Grant], total: float) -> list[Span]:
    """Return the times in which a token request had been out for `LONG` seconds.

    Nobody waits for longer than `total`, whenever the server answers.
    """
    uses = (use for grant in grants for token in grant.tokens for use in token.uses)
    return [
        Span(start=use.at + LONG, end=min(use.ended_at, use.at + total))
        for use in uses
        if use.ended_at - use.at > LONG
    ]


def out_for_too_long(requests: Iterable[Request], world: World) -> int:
    """Count the requests that were out for longer than a client may wait while it is awake."""
    limit = world.connect + world.total + SLACK
    return sum(_awake(request, world) > limit for request in requests)


def _awake(request: Request, world: World) -> float:
    standstills = world.processes[request.agent].standstills
    return sum(span.seconds for span in request.out.without(standstills))
