"""A usable access token for one caller, refreshed when it must be."""

from collections.abc import Hashable
from concurrent.futures import TimeoutError as Overdue
from datetime import timedelta
from functools import partial
from time import monotonic

from django.core.exceptions import ImproperlyConfigured

from buffer_connect.conf import conf
from buffer_connect.exceptions import LinkRevoked, TokenUnavailable
from buffer_connect.flows.instance import require_ours
from buffer_connect.flows.refresh import bucket, endings
from buffer_connect.flows.refresh.claim import claim, claim_to_send
from buffer_connect.flows.refresh.halt import halts
from buffer_connect.flows.refresh.in_place import refresh, refresh_one
from buffer_connect.flows.refresh.resend import is_left_to_sweeps
from buffer_connect.flows.refresh.worker import worker
from buffer_connect.flows.steps import Awaited, Flow, Pause
from buffer_connect.models import BufferLink, statements
from buffer_connect.models.waiting import retry_at

# A token that lives on for so long is used without a refresh.
ENOUGH = timedelta(seconds=30)
# A token stored so recently is not refreshed for the sake of a longer life.
NEW = timedelta(seconds=60)
# Seconds between two looks at what another process refreshes, at first; then a share of the wait so far.
POLL, PATIENCE = 0.05, 0.1


def held(pk: int) -> BufferLink:
    """Return the link as it stands in the database. Raises `BufferLink.DoesNotExist`."""
    link = statements.read(pk)
    if link is None:
        raise BufferLink.DoesNotExist
    return link


def is_good(link: BufferLink, min_ttl: timedelta = ENOUGH) -> bool:
    """Return whether the access token may be handed out: known, accepted, and alive long enough.

    `link` is read `as_held()`. A token without a successor is good to its last second, and a key is for ever.
    """
    if not link.is_active or link.access_token is None or link.is_rejected:
        return False
    if link.refresh_token is None:
        return link.life_left > timedelta(0)
    return link.life_left >= _wanted_life(link, min_ttl)


def _wanted_life(link: BufferLink, min_ttl: timedelta) -> timedelta:
    stored_at = link.last_refreshed_at or link.connected_at or link.database_now
    life = link.database_now + link.life_left - stored_at
    enough = min(ENOUGH, life / 2)
    if link.database_now - stored_at < NEW:
        return enough
    return max(enough, min_ttl)


def hold(
    link: BufferLink,
    min_ttl: timedelta = ENOUGH,
    *,
    just_read: bool = False,
    after: Hashable = None,
    wait: float | None = None,
) -> Flow[BufferLink]:
    """Flow to `link` with a good access token; it waits for a refresh when it must.

    It waits at most `wait` seconds, or TIMING["CALL_WAIT"]. Raises `LinkRevoked`,
    `TokenUnavailable` or `DecryptionFailed`. Callers in one process that want the same link wait
    for one and the same refresh; `after` names what has just changed, so that nobody is handed
    what was read before it. `just_read` says that `link` is the row as it stands.
    """
    began = monotonic()
    give_up_at = began + (conf.timing.call_wait if wait is None else wait)
    key, row = (link.pk, link.uid, min_ttl, after), link if just_read else None
    while True:
        future = worker.submit(key, partial(_obtain, link, min_ttl, give_up_at, row))
        try:
            found = yield from Awaited(future, max(0.0, give_up_at - monotonic()))
        except Overdue:
            raise TokenUnavailable from None
        except BufferLink.DoesNotExist:
            raise LinkRevoked(link, BufferLink.Status.DISCONNECTED) from None
        if found is not None:
            return found
        if monotonic() > give_up_at:
            raise TokenUnavailable
        yield from Pause(max(POLL, (monotonic() - began) * PATIENCE))
        row = None


def _obtain(
    link: BufferLink, min_ttl: timedelta, give_up_at: float, row: BufferLink | None
) -> BufferLink | None:
    """Return the link with a good token; None while another process is at it.

    Whoever wants it asks again then: nobody else's refresh waits for a thread meanwhile. None too
    when it begins too late for whom it was meant: others may have joined who can wait longer.
    """
    link = _current(row or _held_here(link))
    while not is_good(link, min_ttl):
        if monotonic() > give_up_at:
            return None
        if not _refresh(link):
            link = _current(_held_here(link))
            if is_good(link, min_ttl):
                break
            _raise_unless_worth_waiting(link)
            return None
        link = _current(_held_here(link))
    return link


def _held_here(link: BufferLink) -> BufferLink:
    """Return `link` as the engine's thread sees it, in a database or schema that may be another."""
    row = held(link.pk)
    if row.uid != link.uid:
        raise ImproperlyConfigured(
            "The threads that refresh links see another link under this id than the caller does: "
            "a database or a schema for each tenant is not supported."
        )
    return row


def _current(link: BufferLink) -> BufferLink:
    """Return `link` when it is active and ours; end it first when it has lapsed."""
    if link.is_active:
        require_ours(link)
    if link.is_active and link.refresh_token is None and link.life_left <= timedelta(0):
        endings.lapse(link)
        link = held(link.pk)
    if not link.is_active:
        raise LinkRevoked(link, link.reason or link.status)
    return link


def _refresh(link: BufferLink) -> bool:
    """Try to be the one who refreshes; return whether this call had the lease."""
    if link.refresh_due_at is None or link.refresh_due_at > link.database_now:
        statements.schedule_held(pk=link.pk, epoch=link.epoch, generation=link.generation)
    if attempt := claim_to_send(link):
        refresh_one(attempt)
        bucket.owe()
        return True
    if is_left_to_sweeps(link):
        return False
    taken = claim([link.pk], in_use=True)
    if taken.links:
        refresh(taken)
        bucket.owe()
    elif halts():
        raise TokenUnavailable
    return bool(taken.links)


def _raise_unless_worth_waiting(link: BufferLink) -> None:
    """Somebody else is at it, or was a moment ago: wait. Otherwise waiting would not help."""
    leased = link.lease_until is not None and link.lease_until > link.database_now
    if leased or _is_claimable(link):
        return
    # A link whose key is missing says so; where it opens, it waits for another reason.
    link.open_refresh_token()
    raise TokenUnavailable(retry_at=retry_at(link))


def _is_claimable(link: BufferLink) -> bool:
    """Whether nothing in the row speaks against T1: the claim lost a race, and may win the next."""
    backing_off = link.next_attempt_at is not None and link.next_attempt_at > link.database_now
    waits = backing_off or link.in_doubt or link.is_held_back
    return link.refresh_token is not None and not waits
