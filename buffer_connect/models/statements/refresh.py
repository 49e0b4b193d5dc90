"""From due to claimed to sent: S, J, T1, T2, T4, T4b, T5, T6.

Each is one conditional UPDATE that commits by itself and returns the number of rows it changed.
`lease`, `quarantine` and every delay are seconds; the clock is the database's.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import connections

from buffer_connect.models.link import BufferLink
from buffer_connect.models.statements.reading import COLUMNS, links_of, read_claimed
from buffer_connect.models.statements.service import HALTS
from buffer_connect.models.statements.statement import Statement

# A token that a forced refresh gave is not forced again before this has passed, in seconds.
FORCED_FOR = 60.0

_DUE = """
      status = 'active' AND refresh_token IS NOT NULL AND refresh_due_at <= {now}
  AND (next_attempt_at IS NULL OR next_attempt_at <= {now})
  AND (lease_until IS NULL OR lease_until <= {now})
  AND (refused_generation IS NULL OR refused_generation <> generation)
  AND {ours}
"""
_CLAIMABLE = f"""{_DUE}
  AND (sent_generation IS NULL OR sent_generation <> generation
       OR (expires_at <= {{now}}
           AND (sent_ended_at IS NOT NULL OR sent_at <= {{now:-quarantine}})))
"""
_NOTHING_HALTS = f"NOT EXISTS ({HALTS})"
_HELD = "id = %(pk)s AND epoch = %(epoch)s AND generation = %(generation)s AND {briefly}"
_OWNED = f"{_HELD} AND lease_owner = %(owner)s"

# S: wanted now.
_schedule = Statement("""
UPDATE {link} SET refresh_due_at = {now}
WHERE id IN ({ids}) AND status = 'active' AND refresh_token IS NOT NULL AND {ours} AND {briefly}
""")

# S of a caller, who wants a successor of the generation that was read: one that was stored since
# must not fall due again, and what is due already keeps its place.
_schedule_held = Statement(f"""
UPDATE {{link}} SET refresh_due_at = {{now}}
WHERE {_HELD} AND status = 'active' AND refresh_token IS NOT NULL AND {{ours}}
  AND (refresh_due_at IS NULL OR refresh_due_at > {{now}})
""")

# J: the API answered 401 to the access token of this generation.
_reject = Statement(f"""
UPDATE {{link}} SET rejected_generation = %(generation)s,
  refresh_due_at = CASE WHEN refresh_token IS NULL THEN NULL ELSE {{now}} END
WHERE {_HELD} AND status = 'active' AND {{ours}}
  AND (forced_at IS NULL OR forced_at <= {{now:-forced_for}})
""")

_note_use = Statement("""
UPDATE {link} SET last_used_at = {now}
WHERE id = %(pk)s AND (last_used_at IS NULL OR last_used_at <= {now:-day}) AND {briefly}
""")

_due = Statement(f"""
SELECT id FROM {{link}} WHERE {_CLAIMABLE} AND {{unflushed}}
ORDER BY refresh_due_at LIMIT %(limit)s {{skip_locked}}
""")

# T1: the lease. One that a crash of the database loses is missed by T2, and T2 is flushed.
_CLAIM = f"""
UPDATE {{link}} SET lease_owner = %(owner)s, lease_until = {{now:+lease}}
WHERE id IN ({{ids}}) AND {_CLAIMABLE} AND {_NOTHING_HALTS} AND {{unflushed}} AND {{briefly}}
"""
_claim = Statement(_CLAIM)
_claim_returning = Statement(f"{_CLAIM} RETURNING {COLUMNS}")

# T2: sent_generation stands last, for MySQL evaluates SET from left to right.
_INTENT = """
UPDATE {link} SET
  sent_count = CASE WHEN sent_generation = generation THEN sent_count + 1 ELSE 1 END,
  anomaly_at = CASE WHEN sent_generation = generation THEN {now} ELSE anomaly_at END,
  sent_at = {now}, sent_ended_at = NULL, sent_generation = generation
WHERE lease_owner = %(owner)s AND lease_until > {now} AND status = 'active' AND {ours} AND {briefly} AND
"""

# T1 and T2 in one, for a generation that was read and prepared before, and never sent.
_claim_to_send = Statement(f"""
UPDATE {{link}} SET lease_owner = %(owner)s, lease_until = {{now:+lease}},
  sent_count = 1, sent_at = {{now}}, sent_ended_at = NULL, sent_generation = generation
WHERE {_HELD} AND {_DUE} AND (sent_generation IS NULL OR sent_generation <> generation)
  AND {_NOTHING_HALTS}
""")

# T4: its turn came too late.
_release = Statement("""
UPDATE {link} SET lease_until = {now}
WHERE id = %(pk)s AND lease_owner = %(owner)s AND {briefly}
""")

# T4b: it cannot be opened, or its answer could not be kept.
_block = Statement(f"""
UPDATE {{link}} SET lease_until = {{now}}, last_error = %(error)s,
  next_attempt_at = {{now:+delay}}
WHERE {_OWNED}
""")

# T5: the server surely did not use the refresh token.
postpone = Statement(f"""
UPDATE {{link}} SET lease_until = {{now}}, failures = failures + 1, last_error = %(error)s,
  next_attempt_at = {{now:+delay}},
  sent_ended_at = CASE WHEN sent_count = 1 THEN NULL ELSE {{now}} END,
  sent_generation = CASE WHEN sent_count = 1 THEN NULL ELSE sent_generation END
WHERE {_OWNED} AND sent_generation = %(generation)s
""")

# T8, when the server says that it never used this generation: it is as if it was not sent.
unsend = Statement(f"""
UPDATE {{link}} SET sent_generation = NULL
WHERE {_OWNED} AND lease_until > {{now}} AND sent_generation = %(generation)s
""")

_DOUBT = f"""
UPDATE {{link}} SET lease_until = {{now}}, failures = failures + 1, last_error = %(error)s,
  next_attempt_at = {{now:+delay}}%(ended)s
WHERE {_OWNED}
"""
# T6: nobody knows whether the server used it.
doubt = Statement(_DOUBT.replace("%(ended)s", ""))
# T6 after a complete answer of the token endpoint: that request, at least, is over.
doubt_ended = Statement(_DOUBT.replace("%(ended)s", ", sent_ended_at = {now}"))


def schedule(*, pk: int) -> int:
    """S. 0 when the link has ended, has no refresh token, or others are at its row."""
    return schedule_all(ids=[pk])


def schedule_all(*, ids: list[int]) -> int:
    """S for several; return how many it fits. 0 also when others are at one of the rows."""
    return _schedule.if_free(ids=ids)


def schedule_held(*, pk: int, epoch: UUID, generation: int) -> int:
    """S for one generation. 0 also when the link has moved on from it."""
    return _schedule_held.if_free(pk=pk, epoch=epoch, generation=generation)


def reject(*, pk: int, epoch: UUID, generation: int) -> int:
    """J. 0 when the link moved on, or when a forced refresh gave this very token just now."""
    return _reject.if_free(pk=pk, epoch=epoch, generation=generation, forced_for=FORCED_FOR)


def note_use(*, pk: int) -> int:
    """Note that a caller used the link, at most once a day."""
    return _note_use.if_free(pk=pk, day=86_400.0)


def due(*, quarantine: float, limit: int) -> list[int]:
    """Return the ids of up to `limit` links that T1 would claim, soonest due first."""
    return [row[0] for row in _due.rows_at_last(quarantine=quarantine, limit=limit)]


def claim(
    *, ids: list[int], owner: UUID, lease: float, quarantine: float, client_key: str
) -> list[BufferLink]:
    """T1: put the lease of `owner` on those of `ids` that may be refreshed now; return these.

    None while the brake is on, or the breaker open for the client with this key.
    """
    values: dict[str, Any] = {"ids": ids, "owner": owner, "client_key": client_key}
    values |= {"lease": lease, "quarantine": quarantine}
    if connections[BufferLink.written_on()].vendor == "postgresql":
        claimed = links_of(_claim_returning.rows_if_free(**values))
        return sorted(claimed, key=attrgetter("refresh_due_at"))
    if not _claim.if_free(**values):
        return []
    return read_claimed(ids=ids, owner=owner)


def claim_to_send(
    *, pk: int, epoch: UUID, generation: int, owner: UUID, lease: float, client_key: str
) -> int:
    """T1 and T2 of a generation that was never sent. 0 when the row says anything else by now."""
    held = {"pk": pk, "epoch": epoch, "generation": generation}
    return _claim_to_send.if_free(**held, owner=owner, lease=lease, client_key=client_key)


def record_intent(*, owner: UUID, held: Iterable[tuple[int, UUID, int]]) -> int:
    """T2: write down that the generations of `held` (pk, epoch, generation) may be sent.

    0 when others were at a row: nothing was written then, so nothing may be sent.
    """
    values: dict[str, Any] = {"owner": owner}
    terms = []
    for n, (pk, epoch, generation) in enumerate(held):
        values |= {f"pk{n}": pk, f"epoch{n}": epoch, f"generation{n}": generation}
        terms.append(
            f"(id = %(pk{n})s AND epoch = %(epoch{n})s AND generation = %(generation{n})s)"
        )
    return Statement(f"{_INTENT} ({' OR '.join(terms)})").if_free(**values)


def release(*, pk: int, owner: UUID) -> int:
    """T4: give the lease back; where others are at the row, it runs out by itself."""
    return _release.if_free(pk=pk, owner=owner)


def block(*, pk: int, owner: UUID, epoch: UUID, generation: int, error: str, delay: float) -> int:
    """T4b: give the lease back and look again in `delay` seconds."""
    held = {"pk": pk, "epoch": epoch, "generation": generation}
    return _block.if_free(**held, owner=owner, error=error, delay=delay)
