"""What the numbers mean for whoever is on call."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from buffer_connect.flows.status.reading import Status


class Level(IntEnum):
    """How bad it is; the values are the exit codes of `buffer_status --check`."""

    # Links are refreshed.
    OK = 0
    # Something is slower than it should be, or some links need a hand.
    WARNING = 1
    # Links are not refreshed, and will end when their time is up.
    CRITICAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on a number is a finding."""

    sweep: timedelta = timedelta(minutes=5)
    due: timedelta = timedelta(minutes=10)
    revocations: timedelta = timedelta(days=1)
    unannounced: timedelta = timedelta(minutes=15)
    in_doubt: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that needs attention."""

    level: Level
    text: str


def judge(status: Status, limits: Limits) -> list[Finding]:
    """Return what in `status` needs attention, the worst first."""
    found = [
        *_of_the_engine(status, limits),
        *_of_links(status, limits),
        *_of_duties(status, limits),
    ]
    return sorted(found, key=lambda finding: -finding.level)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the level of the worst finding; `OK` without any."""
    return max((finding.level for finding in findings), default=Level.OK)


def _of_the_engine(status: Status, limits: Limits) -> Iterator[Finding]:
    if status.breaker_open_for is not None:
        yield _critical("Buffer refuses this client: correct CLIENT_ID and CLIENT_SECRET.")
    if status.last_sweep_ago is None or _over(status.last_sweep_ago, limits.sweep):
        told = "No sweep has run yet" if status.last_sweep_ago is None else "The sweep stands still"
        text = f"{told}: look after Celery's beat and worker, or cron's buffer_refresh."
        yield (_critical if status.refreshable else _warning)(text)
    if _over(status.due.seconds, limits.due):
        yield _warning("Links wait for their refresh for too long: the sweep does not keep up.")


def _of_links(status: Status, limits: Limits) -> Iterator[Finding]:
    for key in status.missing_keys:
        rows = f"{key.links} links and {key.revocations} revocations"
        if key.kid:
            text = f"ENCRYPTION_KEYS lacks the key {key.kid}, with which {rows} are sealed."
        else:
            text = f"The sealed values of {rows} are damaged."
        yield (_critical if key.kid else _warning)(text)
    if blocked := sum(status.blocked.values()):
        yield _warning(f"{blocked} links could not be opened; the log names them.")
    if status.in_doubt.count > limits.in_doubt:
        yield _warning(f"{status.in_doubt.count} links wait to learn whether a refresh arrived.")


def _of_duties(status: Status, limits: Limits) -> Iterator[Finding]:
    if _over(status.revocations.seconds, limits.revocations):
        yield _warning("Buffer has not been told for too long what was disconnected here.")
    if _over(status.unannounced.seconds, limits.unannounced):
        yield _warning("The site has not been told of state changes: is clean_up running?")


def _over(seconds: float | None, limit: timedelta) -> bool:
    return seconds is not None and seconds > limit.total_seconds()


def _critical(text: str) -> Finding:
    return Finding(level=Level.CRITICAL, text=text)


def _warning(text: str) -> Finding:
    return Finding(level=Level.WARNING, text=text)
