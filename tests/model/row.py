"""One link, and what the statements of the protocol do to it.

Each function is a statement of docs/protocol.md, with the name that it has in the package. It
returns the row as the statement leaves it, or None where the statement changes no row.
"""

from typing import NamedTuple

ACTIVE, REVOKED, DISCONNECTED = "active", "revoked", "disconnected"
SEVERAL = 2
NOBODY = -1


class Held(NamedTuple):
    """What an attempt, and the answer to it, belong to."""

    epoch: int = 1
    generation: int = 1


class Row(NamedTuple):
    """A link, as far as a statement looks at it. Of a moment only this is told: is it past?"""

    status: str = ACTIVE
    reason: str = ""
    epoch: int = 1
    generation: int = 1
    refresh_token: bool = True
    access_token: bool = True
    # expires_at lies ahead.
    lives: bool = True
    # refresh_due_at is past; None: there is none.
    due: bool | None = True
    # lease_owner: the number of a worker; NOBODY: of one who is gone.
    owner: int | None = None
    # lease_until lies ahead.
    leased: bool = False
    # sent_generation is the generation. The next three are its columns, and False without it.
    sent: bool = False
    # sent_ended_at is set.
    sent_over: bool = False
    # sent_at is past by the quarantine.
    quarantined: bool = False
    # SEVERAL stands for every count from there on.
    sent_count: int = 0
    # anomaly_at is set.
    anomaly: bool = False
    # rejected_generation is the generation.
    rejected: bool = False
    # forced_at is set and less than a minute past.
    forced: bool = False
    # refused_generation is the generation.
    refused: bool = False
    refused_reason: str = ""
    # next_attempt_at lies ahead.
    waiting: bool = False
    # instance is this site's, or nobody's.
    ours: bool = True

    @property
    def held(self):
        return Held(self.epoch, self.generation)

    @property
    def is_alive(self):
        """Whether it is an active link, and not one of a copy of the database."""
        return self.status == ACTIVE and self.ours

    def holds(self, held):
        return self.is_alive and self.held == held

    def is_owned(self, held, me):
        return self.held == held and self.owner == me


GIVEN_BACK = {"leased": False}
PUT_OFF = {"leased": False, "waiting": True}
NOTHING_SENT = {
    "owner": None,
    "leased": False,
    "sent": False,
    "sent_over": False,
    "quarantined": False,
    "sent_count": 0,
}
NOTHING_REFUSED = {"rejected": False, "refused": False, "refused_reason": ""}
ENDED = {
    "status": REVOKED,
    "refresh_token": False,
    "access_token": False,
    "owner": None,
    "leased": False,
}


def schedule(row):
    """S."""
    if row.is_alive and row.refresh_token:
        return row._replace(due=True)
    return None


def schedule_held(row, held):
    """S of a caller."""
    if row.holds(held) and row.refresh_token and not row.due:
        return row._replace(due=True)
    return None


def reject(row, held):
    """J."""
    if row.holds(held) and not row.forced:
        return row._replace(rejected=True, due=row.refresh_token or None)
    return None


def _is_due(row):
    wanted = row.is_alive and row.refresh_token and row.due and not row.waiting
    return wanted and not row.leased and not row.refused


def claim(row, me):
    """T1."""
    may_go_again = not row.lives and (row.sent_over or row.quarantined)
    if _is_due(row) and (not row.sent or may_go_again):
        return row._replace(owner=me, leased=True)
    return None


def claim_to_send(row, held, me):
    """T1 and T2 in one, of a generation that was never sent."""
    if row.held == held and _is_due(row) and not row.sent:
        return row._replace(owner=me, leased=True, sent=True, sent_count=1)
    return None


def record_intent(row, held, me):
    """T2."""
    if row.holds(held) and row.owner == me and row.leased:
        return row._replace(
            sent=True,
            sent_over=False,
            quarantined=False,
            sent_count=min(row.sent_count + 1, SEVERAL) if row.sent else 1,
            anomaly=row.anomaly or row.sent,
        )
    return None


def store(row, held, status):
    """T3."""
    if row.held == held and row.status == status:
        return row._replace(
            **NOTHING_SENT,
            **NOTHING_REFUSED,
            status=ACTIVE,
            reason="",
            generation=row.generation + 1,
            refresh_token=True,
            access_token=True,
            lives=True,
            due=False,
            forced=row.rejected or row.forced,
            waiting=False,
        )
    return None


def store_refresh_token(row, held, status):
    """T3 when only a refresh token came."""
    if row.held == held and row.status == status:
        return row._replace(
            **NOTHING_SENT,
            **NOTHING_REFUSED,
            status=ACTIVE,
            reason="",
            generation=row.generation + 1,
            refresh_token=True,
            access_token=row.access_token and not row.rejected,
            lives=row.lives and not row.rejected,
            due=True,
            waiting=True,
        )
    return None


def release(row, me):
    """T4."""
    return row._replace(**GIVEN_BACK) if row.owner == me else None


def block(row, held, me):
    """T4b."""
    return row._replace(**PUT_OFF) if row.is_owned(held, me) else None


def postpone(row, held, me):
    """T5."""
    if not row.is_owned(held, me) or not row.sent:
        return None
    if row.sent_count == 1:
        return row._replace(**PUT_OFF, sent=False, sent_over=False, quarantined=False)
    return row._replace(**PUT_OFF, sent_over=True)


def doubt(row, held, me):
    """T6."""
    return row._replace(**PUT_OFF) if row.is_owned(held, me) else None


def doubt_ended(row, held, me):
    """T6 when that request, at least, is over."""
    return row._replace(**PUT_OFF, sent_over=row.sent) if row.is_owned(held, me) else None


def refuse(row, held, reason):
    """T7."""
    return row._replace(**ENDED, reason=reason) if row.holds(held) else None


def hold_back(row, held, reason):
    """T7b, while the brake is on."""
    if row.holds(held):
        unsent = {**NOTHING_SENT, "owner": row.owner}
        return row._replace(**unsent, refused=True, refused_reason=reason)
    return None


def refuse_held_back(row, held, reason):
    """T7 of what was held back."""
    return refuse(row, held, reason) if row.refused else None


def retry_held_back(row):
    """What was held back is tried again."""
    if row.is_alive and row.refused:
        due = row.refresh_token or None
        return row._replace(refused=False, refused_reason="", due=due, waiting=False)
    return None


def unsend(row, held, me):
    """T8 when the server says that it never used what was in doubt."""
    if row.is_owned(held, me) and row.leased and row.sent:
        return row._replace(sent=False, sent_over=False, quarantined=False)
    return None


def lapse(row):
    """E1."""
    is_over = not (row.refresh_token or row.lives or row.refused)
    if row.is_alive and is_over:
        return row._replace(**ENDED, reason="expired")
    return None


def give_up(row, held, me):
    """E2."""
    if row.holds(held) and row.owner == me and row.sent:
        return row._replace(**ENDED, reason="answer_lost")
    return None


def unauthorized(row, held):
    """U1."""
    if row.holds(held) and row.forced and not row.sent:
        return row._replace(status=REVOKED, reason="unauthorized")
    return None


def restore(row, held):
    """U2."""
    is_checkable = row.status == REVOKED and row.reason == "unauthorized" and row.ours
    if row.held == held and is_checkable:
        due = None if row.due is None else True
        return row._replace(status=ACTIVE, reason="", forced=False, due=due, **NOTHING_REFUSED)
    return None


def reconnect(row, refreshable=True):
    """R."""
    return Row(epoch=row.epoch + 1, refresh_token=refreshable, due=False if refreshable else None)


def disconnect(row, held):
    """D."""
    if row.held == held and row.status != DISCONNECTED and row.ours:
        wiped = {**ENDED, "status": DISCONNECTED}
        return row._replace(**wiped, reason="")
    return None
