"""The protocol with one thing left out, to see that the judge would notice. Patched from outside."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from buffer_connect.flows.refresh import pipeline
from buffer_connect.models import statements
from buffer_connect.models.statements import refresh
from buffer_connect.models.statements.statement import Statement
from buffer_connect.transport.attempt import Attempt

# Seconds: no run lasts so long.
FOR_GOOD = 1e6
# More than the judge lets an answer lie, and less than the commit budget.
A_WHILE = 1.5


def quarantine() -> None:
    """Send a token in doubt again as soon as its access token is over."""
    for statement in (refresh._claim, refresh._claim_returning, refresh._due):  # noqa: SLF001
        _replace(statement, "(sent_ended_at IS NOT NULL OR sent_at <= {now:-quarantine})", "1 = 1")


def fence() -> None:
    """Take an answer only while the lease lasts, whatever generation it is the answer to."""
    _replace(
        statements.store,
        "AND status = %(status)s",
        "AND status = %(status)s AND lease_until > {now}",
    )


def intent() -> None:
    """Send without having written that a token may have been sent."""

    def unwritten(*, owner: Any, held: Iterable[Any]) -> int:
        return len(list(held))

    statements.record_intent = unwritten
    written = "sent_ended_at = NULL, sent_generation = generation"
    _replace(refresh._claim_to_send, written, "sent_ended_at = NULL")  # noqa: SLF001


def resend() -> None:
    """Never send again what is in doubt."""
    for statement in (refresh._claim, refresh._claim_returning, refresh._due):  # noqa: SLF001
        _replace(statement, "OR (expires_at <= {now}", "OR (1 = 0")


def expiry() -> None:
    """Claim with a lease that lasts until it is given back."""
    claim, claim_to_send = statements.claim, statements.claim_to_send

    def claimed(*, lease: float, **values: Any) -> Any:
        return claim(lease=FOR_GOOD, **values)

    def claimed_to_send(*, lease: float, **values: Any) -> int:
        return claim_to_send(lease=FOR_GOOD, **values)

    statements.claim, statements.claim_to_send = claimed, claimed_to_send


def deadline() -> None:
    """Wait for an answer for as long as it takes."""
    start = Attempt.start

    def endless(**bounds: Any) -> Attempt:
        attempt = start(**bounds)
        attempt.read, attempt.ends_at = FOR_GOOD, attempt.ends_at + FOR_GOOD
        return attempt

    Attempt.start = endless  # type: ignore[method-assign, assignment]


def promptness() -> None:
    """Let each answer lie for a while before it is stored."""
    send = pipeline.send

    def sent(attempt: Any) -> Any:
        landed = send(attempt)
        time.sleep(A_WHILE)
        return landed

    pipeline.send = sent


WEAKENED: dict[str, Callable[[], None]] = {
    "quarantine": quarantine,
    "fence": fence,
    "intent": intent,
    "resend": resend,
    "expiry": expiry,
    "deadline": deadline,
    "promptness": promptness,
}


def _replace(statement: Statement, term: str, by: str) -> None:
    if statement.text.count(term) != 1:
        raise ValueError(f"The statement does not say {term!r} once.")
    statement.text = statement.text.replace(term, by)
