"""The status as `buffer_status` prints it."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from buffer_connect.flows.status import Finding, Status, Waiting, worst

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def as_json(status: Status, findings: list[Finding]) -> str:
    told = asdict(status) | {
        "at": status.at.isoformat(),
        "level": worst(findings).name.lower(),
        "findings": [asdict(each) | {"level": each.level.name.lower()} for each in findings],
    }
    return json.dumps(told, indent=2)


def lines(status: Status) -> Iterator[tuple[str, str]]:
    """Return the lines of the table: what it is, and how it is."""
    refused, braked = status.breaker_open_seconds, status.brake_on_seconds
    sweep = status.last_sweep_seconds
    yield "links", counted(status.links)
    if status.elsewhere:
        yield "elsewhere", counted(status.elsewhere)
    if status.unnamed:
        yield "unnamed", str(status.unnamed)
    yield "refreshable", str(status.refreshable)
    yield "last sweep", "never" if sweep is None else f"{_age(sweep)} ago"
    yield "breaker", "closed" if refused is None else f"OPEN for {_age(refused)}"
    if others := status.breaker_of_others_seconds:
        yield "", f"open for another client for {_age(others)}"
    yield "brake", "off" if braked is None else f"ON for {_age(braked)}"
    yield "held back", counted(status.held_back)
    yield "due", _waiting(status.due)
    yield "backing off", str(status.backing_off)
    yield "in doubt", _waiting(status.in_doubt)
    yield "blocked", counted(status.blocked)
    yield "last errors", counted(status.errors)
    yield "unserved", _waiting(status.unserved)
    yield "ended, 24 h", counted(status.ended_last_day)
    yield "ended, 7 d", counted(status.ended_last_week)
    for key in status.keys:
        yield "key", str(key)
    yield "revocations", _waiting(status.revocations)
    yield "unannounced", _waiting(status.unannounced)


def counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "0"


def _waiting(waiting: Waiting) -> str:
    if waiting.oldest_seconds is None:
        return str(waiting.count)
    return f"{waiting.count}, the first for {_age(waiting.oldest_seconds)}"


def _age(seconds: float) -> str:
    length, unit = next((unit for unit in UNITS if seconds >= unit[0]), UNITS[-1])
    return f"{seconds / length:.0f} {unit}"
