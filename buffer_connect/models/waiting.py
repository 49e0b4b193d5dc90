"""When the refresh token of a link may go out next, as T1 has it; by the database's clock."""

from datetime import datetime, timedelta

from buffer_connect.conf import conf
from buffer_connect.models.link import BufferLink


def not_sent_before(link: BufferLink) -> datetime | None:
    """Return the moment up to which `link` is not claimed; None when its row names none.

    It may have passed.
    """
    moments = [link.next_attempt_at]
    if link.in_doubt:
        moments += [link.expires_at, _quarantine_over(link)]
    return max((moment for moment in moments if moment is not None), default=None)


def retry_at(link: BufferLink) -> datetime | None:
    """Return the moment that lies ahead at which `link` may be tried again; for rows `as_held()`.

    None when it may be tried now, and when nobody knows: a refresh that is under way may end at any
    moment, and what was held back waits for somebody's decision.
    """
    is_under_way = link.lease_until is not None and link.lease_until > link.database_now
    if is_under_way or link.is_held_back:
        return None
    moment = not_sent_before(link)
    return moment if moment is not None and moment > link.database_now else None


def _quarantine_over(link: BufferLink) -> datetime | None:
    if link.sent_at is None or link.sent_ended_at is not None:
        return None
    return link.sent_at + timedelta(seconds=conf.timing.quarantine)
