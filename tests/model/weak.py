"""Protocols that leave one thing out, each to show what that thing is for."""

from tests.model import row as rows
from tests.model.protocol import Protocol
from tests.model.world import Answer


class WithoutQuarantine(Protocol):
    """Sends again as soon as the access token is over, whatever may still be under way."""

    def claim(self, row, me):
        return claimed_as_if(row, me, quarantined=True)


class WithoutWait(Protocol):
    """Sends again after the quarantine, though the access token lives on."""

    def claim(self, row, me):
        return claimed_as_if(row, me, lives=False)


class FencedByOwner(Protocol):
    """Stores an answer where the lease is its own, whatever generation it belongs to."""

    def store(self, row, me, worker, status):
        is_owner = row.owner == me
        return super().store(row, me, worker._replace(held=row.held), status) if is_owner else None

    def is_done(self, row, me, worker):
        return False


class AsksEarly(WithoutQuarantine):
    """Asks the server before the quarantine has passed, and believes it."""

    def may_resend(self, row, known):
        return row.quarantined and super().may_resend(row, known)


class GatewayIsTheEnd(Protocol):
    """Takes a gateway's error for the end of the request."""

    def is_over(self, answer):
        return answer in (Answer.ERROR, Answer.UNKNOWN)


class EndsInDoubt(Protocol):
    """Takes an answer that nobody has heard for the end of the link."""

    def doubt(self, row, me, worker):
        return rows.refuse(row, worker.held, "answer_lost")


class WithoutEpoch(Protocol):
    """Begins to count again when the user connects again, in the same epoch."""

    def reconnect(self, row):
        return super().reconnect(row)._replace(epoch=row.epoch)


class BlamesTheUser(Protocol):
    """Takes every refusal for the user's revocation."""

    def reason(self, row, worker):
        return "revoked_at_buffer"


def claimed_as_if(row, me, **seen):
    """Return the row as T1 claims it where it sees other columns than there are."""
    claimed = rows.claim(row._replace(**seen), me)
    return claimed and row._replace(owner=claimed.owner, leased=claimed.leased)
