"""What one run has shown, from all that was collected in it."""

import signal
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.reliability import evidence, figures, judge, troubles
from benchmarks.reliability.figures import Grants, Pinned
from benchmarks.reliability.findings import Findings, Verdict
from benchmarks.reliability.hand import Hand
from benchmarks.reliability.people import Standing
from benchmarks.reliability.records import Grant, Span, Step, World
from benchmarks.reliability.siblings import Siblings
from benchmarks.reliability.witness import Look


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What was collected: the processes and their journals, the server's records, the database."""

    hands: Sequence[Hand]
    lines: Mapping[str, list[dict[str, Any]]]
    grants: Sequence[dict[str, Any]]
    # By endpoint.
    requests: Mapping[str, Sequence[dict[str, Any]]]
    # The id of each epoch's grant.
    grant_ids: Mapping[tuple[int, str], str]
    standings: Sequence[Standing]
    looks: Sequence[Look]
    away: Sequence[Span]
    halted: Sequence[Span]
    done: Counter[str]
    standstills_only: bool


def find(raw: Raw) -> Findings:
    """Return what `raw` shows."""
    server = evidence.Server(raw.grants, raw.lines, raw.grant_ids)
    by_id = server.grants(raw.requests["token"], raw.requests["api"])
    grants = {epoch: by_id[grant] for epoch, grant in raw.grant_ids.items()}
    processes = evidence.processes(raw.hands, raw.lines)
    world = evidence.world(processes, away=raw.away, halted=raw.halted)
    steps = evidence.steps(raw.lines)
    return Findings(
        standstills_only=raw.standstills_only,
        refreshes=sum(step.rows for step in steps if step.name == "T3"),
        faults=_faults(raw),
        done=raw.done + _met(raw),
        verdicts=_verdicts(raw.standings, steps, grants, world),
        second_sends=sum(
            1 for grant in by_id.values() for _ in judge.second_sends(grant, world.token_life)
        ),
        out_for_too_long=figures.out_for_too_long(evidence.requests(raw.lines, processes), world),
        recoveries=figures.recoveries(steps, grants, world),
        commit_times=figures.commit_times(steps, grants, world),
        pinned=_pinned(raw, by_id.values(), world),
        calls=Counter(_of(raw.lines, "call", "error")),
        fell_over=[hand.agent for hand in raw.hands if hand.fell_over],
    )


def _verdicts(
    standings: Sequence[Standing], steps: Iterable[Step], grants: Grants, world: World
) -> list[Verdict]:
    lives, verdicts = evidence.Lives(steps, Siblings(standings, grants)), []
    for standing in standings:
        grant = grants[standing.link, standing.epoch]
        verdicts.append(Verdict.on(lives.life(standing, grant), grant, world))
    return verdicts


def _faults(raw: Raw) -> Counter[str]:
    """Return which faults requests met, as far as the server saw them; those of others by name."""
    found = Counter(_of(raw.lines, "over", "error"))
    faults = Counter({"connection refused": found[ConnectionRefusedError.__name__]})
    for endpoint, requests in raw.requests.items():
        place = "" if endpoint == "token" else f"{endpoint}: "
        faults.update(f"{place}{kind}" for kind in map(troubles.met, requests) if kind)
    return +faults


def _met(raw: Raw) -> Counter[str]:
    """Return which signals the processes sent themselves, and where."""
    return Counter(
        f"{signal.Signals(line['number']).name} {line['moment']}"
        for lines in raw.lines.values()
        for line in lines
        if line["what"] == "signal"
    )


def _pinned(raw: Raw, grants: Iterable[Grant], world: World) -> Pinned | None:
    agents = {
        line["id"]: agent
        for agent, lines in raw.lines.items()
        for line in lines
        if line["what"] == "session"
    }
    if set(agents) == {0}:
        return None
    looks = []
    for look in raw.looks:
        by_agent = defaultdict(list)
        for session in look.sessions or ():
            if session.id in agents and not session.is_at_work:
                by_agent[agents[session.id]].append(session.pinned_for)
        looks.append((look.at, by_agent))
    return figures.pinned(looks, figures.slow(grants, world.total), world.processes)


def _of(lines: Mapping[str, list[dict[str, Any]]], what: str, name: str) -> Iterable[Any]:
    return (line[name] for own in lines.values() for line in own if line["what"] == what)
