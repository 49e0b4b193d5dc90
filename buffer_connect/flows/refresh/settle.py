"""What each outcome of the token endpoint does to the link (T3, T5, T6, T7)."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, Self, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connections

from buffer_connect.conf import conf
from buffer_connect.exceptions import printable
from buffer_connect.flows import announce
from buffer_connect.flows.refresh import breaker, endings, store
from buffer_connect.flows.refresh.claim import Attempt
from buffer_connect.models import BufferLink, statements
from buffer_connect.models.contention import is_contention, is_locked
from buffer_connect.oauth import lives
from buffer_connect.oauth.token import Outcome, Verdict

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Short, for a database that comes and goes may be there for moments only.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.25
# What a database says that is away, or that lets nobody write for a while (PostgreSQL: InternalError).
PASSES = OperationalError, InterfaceError, InternalError
# Also when the budget is over: it may have passed while this process stood still.
LEAST_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """What came of one request, and when it was sent and answered, by the monotonic clock."""

    outcome: Outcome
    sent_at: float
    arrived_at: float

    @classmethod
    def now(cls, outcome: Outcome) -> Self:
        """Return an outcome that was sent and answered just now."""
        return cls(outcome=outcome, sent_at=monotonic(), arrived_at=monotonic())


class Locked(Exception):
    """Others have the row locked; nothing was written."""


def settle(attempt: Attempt, landed: Landed) -> None:
    """Write down what an answer means.

    Every step is repeated over fresh database connections for the commit budget, which begins
    with the answer: one that is not stored is a link lost. While others have the row locked it is
    repeated until the quarantine is over, for so long nobody else may send.
    """
    _settle(attempt, landed, _STEPS[landed.outcome.verdict])


def settle_unless_locked(attempt: Attempt, landed: Landed) -> None:
    """Do the same, but raise `Locked` when others have the row locked, after a brief wait."""
    take = _STEPS[landed.outcome.verdict]

    def step(*arguments: Any) -> None:
        try:
            take(*arguments)
        except OperationalError as error:
            if is_locked(error):
                raise Locked from error
            raise

    _settle(attempt, landed, step)


def settle_on_a_thread(attempt: Attempt, landed: Landed) -> None:
    """Settle it on a thread of the engine, which may not be wanted again: it keeps no connection."""
    try:
        settle(attempt, landed)
    finally:
        connections[BufferLink.written_on()].close()


def _settle(attempt: Attempt, landed: Landed, step: Callable[..., None]) -> None:
    within_commit_budget(
        lambda: step(attempt, landed.outcome, landed.sent_at),
        over=landed.arrived_at + conf.timing.commit,
        locked_until=landed.sent_at + conf.timing.quarantine,
    )


def within_commit_budget(
    step: Callable[[], T], *, over: float, locked_until: float | None = None
) -> T:
    """Return what `step` returns; repeat it while the database is away, last of all at `over`.

    While others are at its rows, last of all at `locked_until`, or at `over` as well.
    """
    pause, tries = FIRST_PAUSE, 0
    while True:
        tries += 1
        try:
            return step()
        except PASSES as error:
            until = locked_until if locked_until and is_contention(error) else over
            left = until - monotonic()
            connection = connections[BufferLink.written_on()]
            if connection.in_atomic_block or (left <= 0 and tries >= LEAST_TRIES):
                logger.critical("error=%s an answer could not be stored", type(error).__name__)
                raise
            connection.close()
        sleep(min(pause, left) if left > 0 else FIRST_PAUSE)
        pause = min(pause * 2, LONGEST_PAUSE)


def _store(attempt: Attempt, outcome: Outcome, sent_at: float) -> None:
    store.store(attempt, outcome, sent_at=sent_at)


def _refuse(attempt: Attempt, outcome: Outcome, sent_at: float) -> None:
    endings.refuse(attempt, outcome)


def _postpone(attempt: Attempt, outcome: Outcome, sent_at: float) -> None:
    delay = _backoff(attempt, outcome, failures=attempt.link.failures + 1)
    _retry(attempt, outcome, statements.postpone, delay)


def _postpone_long(attempt: Attempt, outcome: Outcome, sent_at: float) -> None:
    logger.error(
        "link=%s error=%s Buffer refuses how this site is configured; nothing is ended",
        attempt.link.uid,
        printable(outcome.error),
    )
    delay = lives.long_backoff(retry_after=outcome.retry_after, random=random.random)
    _retry(attempt, outcome, statements.postpone, delay)


def _postpone_and_break(attempt: Attempt, outcome: Outcome, sent_at: float) -> None:
    breaker.open_()
    # It is the breaker that waits: with a client that is right again, no link waits any longer.
    _retry(attempt, outcome, statements.postpone, _backoff(attempt, outcome, failures=1))


def _doubt(attempt: Attempt, outcome: Outcome, sent_at: float) -> None:
    step = statements.doubt_ended if outcome.answered else statements.doubt
    delay = _backoff(attempt, outcome, failures=attempt.link.failures + 1)
    _retry(attempt, outcome, step, delay)


def _backoff(attempt: Attempt, outcome: Outcome, *, failures: int) -> float:
    return lives.backoff(
        failures,
        until_expiry=attempt.until_expiry,
        retry_after=outcome.retry_after,
        random=random.random,
    )


def _retry(attempt: Attempt, outcome: Outcome, step: Callable[..., int], delay: float) -> None:
    error = outcome.error or str(outcome.verdict)
    changed = step(**attempt.held, owner=attempt.owner, error=printable(error), delay=delay)
    if not changed:
        return
    logger.warning(
        "link=%s refresh=%s error=%s retry_in=%.0fs",
        attempt.link.uid,
        outcome.verdict,
        printable(error),
        delay,
    )
    announce.refresh_failed(attempt.link.pk, error=error)


_STEPS: dict[Verdict, Callable[[Attempt, Outcome, float], None]] = {
    Verdict.OK: _store,
    Verdict.REFUSED: _refuse,
    Verdict.NOT_SENT: _postpone,
    Verdict.THROTTLED: _postpone,
    Verdict.CLIENT_REJECTED: _postpone_and_break,
    Verdict.MISCONFIGURED: _postpone_long,
    Verdict.UNKNOWN: _doubt,
}
