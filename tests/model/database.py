"""The model's rows as rows of the database, and back."""

from datetime import timedelta
from uuid import UUID

from django.contrib.auth import get_user_model

from buffer_connect.models import BufferLink
from buffer_connect.models.clock import database_now
from buffer_connect.models.statements.statement import Statement
from tests.model.row import SEVERAL, Row

HOUR = timedelta(hours=1)
MOMENT = timedelta(seconds=1)
LONG_AGO = timedelta(days=3)
# In seconds.
QUARANTINE = 600.0
FORCED_FOR = 60.0
# The INSTANCE of this site.
OURS = "ours"

_SENT = "sent_generation = generation"
_TOLD = {
    "refresh_token": "refresh_token IS NOT NULL",
    "access_token": "access_token IS NOT NULL",
    "lives": "expires_at > {now}",
    "leased": "lease_until > {now}",
    "sent": _SENT,
    "sent_over": f"{_SENT} AND sent_ended_at IS NOT NULL",
    "quarantined": f"{_SENT} AND sent_at <= {{now:-quarantine}}",
    "anomaly": "anomaly_at IS NOT NULL",
    "rejected": "rejected_generation = generation",
    "forced": "forced_at > {now:-forced}",
    "refused": "refused_generation = generation",
    "waiting": "next_attempt_at > {now}",
    "ours": "instance <> 'another'",
}
_SEEN = Statement(f"""
SELECT id, status, reason, refused_reason, epoch, generation, lease_owner, sent_count,
  refresh_due_at <= {{now}},
  {", ".join(_TOLD.values())}
FROM {{link}}
""")


def uuid_of(number):
    """Return the UUID that stands for an epoch, or for a worker."""
    return None if number is None else UUID(int=number + 1000)


def number_of(uuid):
    # A database without the type gives its hexadecimal digits.
    return None if uuid is None else UUID(str(uuid)).int - 1000


def insert(rows):
    """Write each row in two ways: what it has not is NULL, or is there and does not count.

    Return the rows by the id of the link that is written for them.
    """
    now = database_now(BufferLink.written_on())
    user = get_user_model().objects.create_user("everybody", "everybody@example.com", None)
    written = {}
    for row in rows:
        for absent_is_null in (True, False):
            columns = _columns(row, now, absent_is_null=absent_is_null)
            number = len(written)
            written[number] = row, BufferLink(user=user, account_key=str(number), **columns)
    BufferLink.objects.bulk_create([link for _, link in written.values()], batch_size=500)
    ids = dict(BufferLink.objects.values_list("account_key", "pk"))
    return {ids[str(number)]: row for number, (row, _) in written.items()}


def _columns(row, now, *, absent_is_null):
    def ahead(is_ahead):
        return now + HOUR if is_ahead else _absent(now - HOUR)

    def of_generation(is_of_this):
        return row.generation if is_of_this else _absent(row.generation - 1)

    def _absent(value):
        return None if absent_is_null else value

    past = now - LONG_AGO
    sent_at = past if row.quarantined else now - MOMENT
    return {
        "status": row.status,
        "reason": row.reason,
        "refused_reason": row.refused_reason,
        "epoch": uuid_of(row.epoch),
        "generation": row.generation,
        "refresh_token": b"refresh" if row.refresh_token else None,
        "access_token": b"access" if row.access_token else None,
        "expires_at": now + HOUR if row.lives else past,
        "refresh_due_at": None if row.due is None else past if row.due else now + HOUR,
        "lease_owner": uuid_of(row.owner),
        "lease_until": None if row.owner is None else now + HOUR if row.leased else past,
        "sent_generation": of_generation(row.sent),
        "sent_at": sent_at if row.sent else _absent(past),
        "sent_ended_at": past if row.sent_over else None,
        "sent_count": row.sent_count,
        "anomaly_at": past if row.anomaly else None,
        "rejected_generation": of_generation(row.rejected),
        "forced_at": now + HOUR if row.forced else _absent(past),
        "refused_generation": of_generation(row.refused),
        "next_attempt_at": ahead(row.waiting),
        "instance": (_absent(OURS) or "") if row.ours else "another",
    }


def stored():
    """Return the rows of the database by id, as the model sees them."""
    return {
        pk: _row(*values) for pk, *values in _SEEN.rows(quarantine=QUARANTINE, forced=FORCED_FOR)
    }


def _row(status, reason, refused_reason, epoch, generation, owner, sent_count, due, *told):
    return Row(
        status=status,
        reason=reason,
        refused_reason=refused_reason,
        epoch=number_of(epoch),
        generation=generation,
        owner=number_of(owner),
        sent_count=min(sent_count, SEVERAL),
        due=None if due is None else bool(due),
        **dict(zip(_TOLD, map(bool, told), strict=True)),
    )
