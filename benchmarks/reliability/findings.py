"""What one run has shown, from all that was collected in it."""

import signal
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.reliability import evidence, figures, judge
from benchmarks.reliability.crew import Hand
from benchmarks.reliability.figures import Recovery
from benchmarks.reliability.judge import Fate
from benchmarks.reliability.people import Standing
from benchmarks.reliability.records import Grant, Life, Span, World
from benchmarks.reliability.witness import Look


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What was collected: the processes and their journals, the server's records, the database."""

    hands: Sequence[Hand]
    lines: Mapping[str, list[dict[str, Any]]]
    grants: Sequence[dict[str, Any]]
    requests: Sequence[dict[str, Any]]
    # The id of each epoch's grant.
    grant_ids: Mapping[tuple[int, str], str]
    standings: Sequence[Standing]
    looks: Sequence[Look]
    away: Sequence[Span]
    halted: Sequence[Span]
    done: Counter[str]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One epoch and what became of it."""

    life: Life
    fate: Fate
    is_false_end: bool
    has_wrong_reason: bool
    # What speaks against the protocol, in full; empty where nothing does.
    charge: str

    @classmethod
    def on(cls, life: Life, grant: Grant, world: World) -> "Verdict":
        """Judge one epoch."""
        fate = judge.fate(life, grant, world)
        is_false, is_wrong = (
            judge.is_false_end(life, grant),
            judge.has_wrong_reason(life, grant, fate),
        )
        is_charged = fate in judge.AVOIDABLE or is_false or is_wrong
        return cls(
            life=life,
            fate=fate,
            is_false_end=is_false,
            has_wrong_reason=is_wrong,
            charge=_charge(life, grant, world) if is_charged else "",
        )


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The numbers of the table. Times are seconds."""

    refreshes: int
    # Requests that met a fault of the server, by kind; and what else was done.
    faults: Counter[str]
    done: Counter[str]
    verdicts: Sequence[Verdict]
    second_sends: int
    recoveries: Sequence[Recovery]
    commit_times: Sequence[float]
    # None where the database has no sessions.
    pinned: int | None
    calls: Counter[str]
    fell_over: Sequence[str]

    @property
    def fates(self) -> Counter[Fate]:
        """How many epochs there are of each fate."""
        return Counter(verdict.fate for verdict in self.verdicts)

    @property
    def avoidable(self) -> int:
        """How many links were lost that could have been saved."""
        return sum(self.fates[fate] for fate in judge.AVOIDABLE)


def _charge(life: Life, grant: Grant, world: World) -> str:
    """Return all that is known of an epoch, from the generation before the one held last."""
    tokens = grant.tokens[max(0, life.held - 2) : life.held]
    agents = sorted({use.agent for token in tokens for use in token.uses})
    known = [
        f"{life}",
        *(f"{use}" for token in tokens for use in token.uses),
        *(f"{agent}: {world.processes[agent]}" for agent in agents),
        f"database away: {world.database_away}",
    ]
    return "\n  ".join(known)


def find(raw: Raw) -> Findings:
    """Return what `raw` shows."""
    server = evidence.Server(raw.grants, raw.lines, raw.grant_ids)
    by_id = server.grants(raw.requests)
    grants = {epoch: by_id[grant] for epoch, grant in raw.grant_ids.items()}
    processes = evidence.processes(raw.hands, raw.lines)
    world = evidence.world(processes, away=raw.away, halted=raw.halted)
    steps = evidence.steps(raw.lines)
    lives = evidence.Lives(steps)
    verdicts = []
    for standing in raw.standings:
        grant = grants[standing.link, standing.epoch]
        verdicts.append(Verdict.on(lives.life(standing, grant), grant, world))
    return Findings(
        refreshes=sum(step.rows for step in steps if step.name == "T3"),
        faults=Counter(request["fault"] for request in raw.requests if request["fault"]),
        done=raw.done + _met(raw),
        verdicts=verdicts,
        second_sends=sum(
            1 for grant in by_id.values() for _ in judge.second_sends(grant, world.token_life)
        ),
        recoveries=figures.recoveries(steps, grants, world),
        commit_times=figures.commit_times(steps, grants, world),
        pinned=_pinned(raw, by_id.values(), world),
        calls=Counter(_of(raw.lines, "call", "error")),
        fell_over=[hand.agent for hand in raw.hands if hand.fell_over],
    )


def _met(raw: Raw) -> Counter[str]:
    """Return which signals the processes sent themselves, and where."""
    return Counter(
        f"{signal.Signals(line['number']).name} {line['moment']}"
        for lines in raw.lines.values()
        for line in lines
        if line["what"] == "signal"
    )


def _pinned(raw: Raw, grants: Iterable[Grant], world: World) -> int | None:
    agents = {
        line["id"]: agent
        for agent, lines in raw.lines.items()
        for line in lines
        if line["what"] == "session"
    }
    if not any(agents):
        return None
    looks = []
    for look in raw.looks:
        by_agent = defaultdict(list)
        for session in look.sessions or ():
            if session.id in agents:
                by_agent[agents[session.id]].append(session.pinned_for)
        looks.append((look.at, by_agent))
    return figures.pinned(looks, figures.slow(grants), world.processes)


def _of(lines: Mapping[str, list[dict[str, Any]]], what: str, name: str) -> Iterable[Any]:
    return (line[name] for own in lines.values() for line in own if line["what"] == what)
