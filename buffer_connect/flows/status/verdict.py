"""What the numbers mean for whoever is on call."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from buffer_connect.flows.status.reading import Status
from buffer_connect.oauth.token import VERDICTS, Verdict

# The errors of a token request that is wrong.
MISCONFIGURED = {
    error for (_, error), verdict in VERDICTS.items() if verdict is Verdict.MISCONFIGURED
}


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
    # More than the quarantine of a refresh whose answer was lost.
    unserved: timedelta = timedelta(minutes=15)
    revocations: timedelta = timedelta(days=1)
    unannounced: timedelta = timedelta(minutes=15)
    in_doubt: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that needs attention; `subject` is the number in `Status` that it is about."""

    level: Level
    subject: str
    text: str


def judge(status: Status, limits: Limits) -> list[Finding]:
    """Return what in `status` needs attention, the worst first."""
    found = [
        *_of_the_engine(status, limits),
        *_of_links(status, limits),
        *_of_refreshes(status, limits),
        *_of_duties(status, limits),
    ]
    return sorted(found, key=lambda finding: -finding.level)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the level of the worst finding; `OK` without any."""
    return max((finding.level for finding in findings), default=Level.OK)


def _of_the_engine(status: Status, limits: Limits) -> Iterator[Finding]:
    if status.breaker_open_seconds is not None:
        text = "Buffer refuses this client: correct CLIENT_ID and CLIENT_SECRET."
        yield _critical("breaker_open_seconds", text)
    if status.breaker_of_others_seconds is not None:
        text = (
            "Some process asks with another CLIENT_ID or CLIENT_SECRET, which Buffer refuses: "
            "restart every process that has the old settings."
        )
        yield _warning("breaker_of_others_seconds", text)
    if status.brake_on_seconds is not None:
        held_back = sum(status.held_back.values())
        text = (
            "The brake is on: Buffer refused many links at once, so none is refreshed "
            f"(held back: {held_back}). Find out why, then run buffer_status --retry or --resume."
        )
        yield _critical("brake_on_seconds", text)
    last = status.last_sweep_seconds
    if last is None or _over(last, limits.sweep):
        told = "No sweep has run yet" if last is None else "The sweep stands still"
        text = f"{told}: look after Celery's beat and worker, or cron's buffer_refresh."
        # Without links there is nothing that a sweep could miss.
        yield (_critical if status.refreshable else _warning)("last_sweep_seconds", text)
    if _over(status.due.oldest_seconds, limits.due):
        text = "Links wait for their refresh for too long: the sweep does not keep up."
        yield _warning("due", text)


def _of_links(status: Status, limits: Limits) -> Iterator[Finding]:
    for key in status.missing_keys:
        if not key.kid:
            yield _warning("keys", f"Sealed values are damaged ({key.rows}).")
        elif key.is_needed:
            text = f"ENCRYPTION_KEYS lacks the key {key.kid} ({key.rows})."
            yield (_critical if key.links else _warning)("keys", text)
    if status.elsewhere:
        text = (
            "Links belong to another INSTANCE of the site, so nothing is done for them here. On a "
            "copy that is right: delete them there. After a move: buffer_status --adopt-instance."
        )
        yield (_warning if status.refreshable else _critical)("elsewhere", text)
    if status.unnamed:
        text = (
            "Links have no INSTANCE yet, and no refresh will give them one, so a copy of this "
            "database would use them. On the site whose they are: buffer_status --adopt-instance."
        )
        yield _warning("unnamed", text)
    if status.blocked:
        text = (
            f"Links could not be opened at the last attempt ({_counted(status.blocked)}), so "
            "nothing was sent: has every host the right ENCRYPTION_KEYS? They are looked at again "
            "every five minutes."
        )
        yield _by_share("blocked", sum(status.blocked.values()), status, text)
    if status.in_doubt.count > limits.in_doubt:
        text = "Of many refreshes nobody knows whether they arrived: do answers get lost?"
        yield _warning("in_doubt", text)


def _of_refreshes(status: Status, limits: Limits) -> Iterator[Finding]:
    wrong = {error: count for error, count in status.errors.items() if error in MISCONFIGURED}
    if wrong:
        text = f"Buffer refuses how this site asks ({_counted(wrong)}): correct BUFFER_CONNECT."
        yield _by_share("errors", sum(wrong.values()), status, text)
    if _over(status.unserved.oldest_seconds, limits.unserved):
        text = (
            "Access tokens are over and no refresh has worked for too long, so callers get none. "
            f"The last errors: {_counted(status.errors) or 'none'}."
        )
        yield _by_share("unserved", status.unserved.count, status, text)


def _of_duties(status: Status, limits: Limits) -> Iterator[Finding]:
    if _over(status.revocations.oldest_seconds, limits.revocations):
        text = "For too long Buffer has not been told what was disconnected here."
        yield _warning("revocations", text)
    if _over(status.unannounced.oldest_seconds, limits.unannounced):
        text = "The site has not been told of state changes: is clean_up running?"
        yield _warning("unannounced", text)


def _over(seconds: float | None, limit: timedelta) -> bool:
    return seconds is not None and seconds > limit.total_seconds()


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _by_share(subject: str, count: int, status: Status, text: str) -> Finding:
    """It is critical when it is about all links."""
    return (_critical if count >= status.refreshable else _warning)(subject, text)


def _critical(subject: str, text: str) -> Finding:
    return Finding(level=Level.CRITICAL, subject=subject, text=text)


def _warning(subject: str, text: str) -> Finding:
    return Finding(level=Level.WARNING, subject=subject, text=text)
