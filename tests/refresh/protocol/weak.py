"""Workers that leave out one thing, each of them an invariant's reason to be."""

import logging
from dataclasses import replace
from time import monotonic
from uuid import uuid4

from django.db.models import F

from buffer_connect.conf import conf
from buffer_connect.flows.refresh import settle, store
from buffer_connect.flows.refresh.claim import Claim
from buffer_connect.models import BufferLink, LinkEvent, statements
from buffer_connect.models.statements import refresh, reseal
from buffer_connect.models.statements.statement import Statement
from buffer_connect.oauth.token import Verdict
from tests.refresh.protocol.worker import Worker, landed


def without(statement, *terms):
    """Return `statement` with `terms`, each of which it must have, taken out of its text."""
    text = statement.text
    for term in terms:
        assert text.count(term) == 1, f"{term} is not in {text} once"
        text = text.replace(term, "")
    return Statement(text)


class _WeakClaim(Worker):
    """A claim by another T1."""

    def claim(self, ids):
        timing, owner, started = conf.timing, uuid4(), monotonic()
        self.statement(
            ids=ids, owner=owner, lease=timing.lease, quarantine=timing.quarantine, client_key=""
        )
        claimed = BufferLink.objects.as_held().filter(lease_owner=owner)
        return Claim(owner=owner, started=started, links=list(claimed))


class Impatient(_WeakClaim):
    """Sends again after the quarantine, though the access token lives on."""

    statement = without(refresh._claim, "expires_at <= {now}\n           AND ")


class Hasty(_WeakClaim):
    """Sends again as soon as the access token is over, whoever may still wait for an answer."""

    statement = without(
        refresh._claim, "AND (sent_ended_at IS NOT NULL OR sent_at <= {now:-quarantine})"
    )


class Unwritten(Worker):
    """Sends without having written that it will."""

    def intend(self, attempts):
        return attempts


class Optimistic(Worker):
    """Takes an unknown outcome for a failure."""

    def write_down(self, attempt, outcome, *, sent_at):
        if outcome.verdict is Verdict.UNKNOWN:
            outcome = replace(outcome, verdict=Verdict.THROTTLED)
        super().write_down(attempt, outcome, sent_at=sent_at)


class Pessimistic(Worker):
    """Takes an unknown outcome for the end."""

    def write_down(self, attempt, outcome, *, sent_at):
        if outcome.verdict is Verdict.UNKNOWN:
            outcome = replace(outcome, verdict=Verdict.REFUSED)
        super().write_down(attempt, outcome, sent_at=sent_at)


class Possessive(Worker):
    """Stores an answer only while the lease is its own."""

    statement = Statement(f"{statements.store.text} AND lease_owner = %(owner)s")

    def write_down(self, attempt, outcome, *, sent_at):
        if outcome.verdict is not Verdict.OK:
            return settle.settle(attempt, landed(outcome, sent_at))
        values = store._values(attempt, outcome.tokens, sent_at)
        held = {**attempt.held, "owner": attempt.owner, "status": BufferLink.Status.ACTIVE}
        return self.statement(**held, **values)


class Unfenced(Worker):
    """Ends a link on any refusal, whichever generation was refused."""

    statement = without(statements.refuse, " AND epoch = %(epoch)s AND generation = %(generation)s")

    def write_down(self, attempt, outcome, *, sent_at):
        if outcome.verdict is not Verdict.REFUSED:
            return settle.settle(attempt, landed(outcome, sent_at))
        reason = BufferLink.Reason.ANSWER_LOST
        return self.statement(**attempt.held, reason=reason)


class Unbraked(Worker):
    """Ends a link on any refusal of what it holds, brake or no brake."""

    def write_down(self, attempt, outcome, *, sent_at):
        if outcome.verdict is not Verdict.REFUSED:
            return settle.settle(attempt, landed(outcome, sent_at))
        reason = BufferLink.Reason.REVOKED_AT_BUFFER
        statements.refuse(**attempt.held, reason=reason)
        return LinkEvent.objects.record("revoked", link=attempt.link.pk, refused=True)


class Backward(Worker):
    """Counts generations down."""

    def claim(self, ids):
        BufferLink.objects.filter(pk__in=ids).update(generation=F("generation") - 1)
        return super().claim(ids)


class Forgetful(Worker):
    """Does not write down that a generation goes out again."""

    statement = Statement(
        refresh._INTENT.replace("THEN sent_count + 1", "THEN 1").replace(
            "THEN {now} ELSE", "THEN anomaly_at ELSE"
        )
        + refresh._HELD
    )

    def prepare(self, claimed):
        attempts = super().prepare(claimed)
        for attempt in attempts:
            attempt.link.sent_generation = None
        return attempts

    def intend(self, attempts):
        (attempt,) = attempts
        return attempts if self.statement(**attempt.held, owner=attempt.owner) else []


class Shortsighted(Worker):
    """Does not look for siblings again before a generation goes out again."""

    def may_leave(self, attempt):
        return True


class Talkative(Worker):
    """Logs what it sends."""

    def send(self, attempt):
        logging.getLogger("buffer_connect").debug("token=%s", attempt.token.reveal())
        super().send(attempt)


# K by the row alone.
reseal_unseen = Statement(
    reseal._LINK.replace(
        "AND epoch = %(epoch)s AND generation = %(generation)s AND {unflushed}", ""
    )
)
