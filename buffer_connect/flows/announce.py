"""Telling the site: signals go out after the commit, and the event remembers that they did."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import Error
from django.dispatch import Signal
from django.http import HttpRequest

from buffer_connect import signals
from buffer_connect.flows import commit
from buffer_connect.models import BufferLink, LinkEvent
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.waiting import retry_at

logger = logging.getLogger(__name__)

# Inside `afterwards`: what is to be told.
_untold: ContextVar[list[Callable[[], object]] | None] = ContextVar("untold", default=None)
# After this a state change whose signal is missing is announced by whoever cleans up.
OVERDUE_AFTER = timedelta(minutes=5)


@contextmanager
def afterwards() -> Iterator[None]:
    """Send the signals of all that happens inside when it is over.

    A receiver may take its time, and who has answers in hand must not wait for it.
    """
    untold: list[Callable[[], object]] = []
    outer = _untold.set(untold)
    try:
        yield
    finally:
        _untold.reset(outer)
        for tell in untold:
            _tell(tell)


def _tell(tell: Callable[[], object]) -> None:
    """It has happened, so a database that is away now changes nothing of it."""
    try:
        tell()
    except Error as error:
        # Of a state change `clean_up` tells later.
        logger.warning("event=untold error=%s", type(error).__name__)


def _told_later(tell: Callable[[], object]) -> bool:
    if (untold := _untold.get()) is None:
        return False
    untold.append(tell)
    return True


def announce(event: LinkEvent, *, request: HttpRequest | None = None) -> None:
    """Send the signal of a committed `event`, then note that it went out.

    A process that dies in between sends it again later: at least once, told apart by `event_id`.
    """
    if _told_later(partial(announce, event, request=request)):
        return
    link = event.link_id and _link(event.link_id)
    if not link:
        return
    signal, facts = _told_of(event, request)
    _send(signal, link=link, event_id=event.uid, **facts)
    events = LinkEvent.objects.using(BufferLink.written_on())
    events.filter(pk=event.pk).update(announced_at=DatabaseNow())


def after_commit(event: LinkEvent) -> None:
    """Announce `event` when the caller's transaction is committed; at once where there is none."""
    commit.after_commit(partial(announce, event))


def _told_of(event: LinkEvent, request: HttpRequest | None) -> tuple[Signal, dict[str, Any]]:
    """Return the signal of a state change, and what it says beside the link and the event."""
    match event.kind:
        case LinkEvent.Kind.REVOKED:
            return signals.link_revoked, {"reason": event.reason}
        case LinkEvent.Kind.DISCONNECTED:
            revoked = event.revoked_at_buffer
            return signals.link_disconnected, {"request": request, "revoked_at_buffer": revoked}
        case _:
            return signals.link_connected, {"request": request, "created": event.created}


def announce_overdue() -> int:
    """Announce the state changes whose process died before it could; return how many."""
    events = LinkEvent.objects.using(BufferLink.written_on()).ours().unannounced()
    overdue = list(events.filter(created_at__lt=DatabaseNow() - OVERDUE_AFTER)[:1000])
    for event in overdue:
        announce(event)
    return len(overdue)


def refreshed(pk: int) -> None:
    """Send `link_refreshed`, at most once, where somebody listens."""
    if not signals.link_refreshed.has_listeners(BufferLink):
        return
    if not _told_later(partial(refreshed, pk)) and (link := _link(pk)):
        _send(signals.link_refreshed, link=link)


def refresh_failed(pk: int, *, error: str) -> None:
    """Send `link_refresh_failed`, at most once, where somebody listens."""
    if not signals.link_refresh_failed.has_listeners(BufferLink):
        return
    if not _told_later(partial(refresh_failed, pk, error=error)) and (link := _link(pk)):
        _send(signals.link_refresh_failed, link=link, error=error, retry_at=retry_at(link))


def _link(pk: int) -> BufferLink | None:
    """The link as it is now; None when the site has deleted it, and there is nobody to tell of."""
    return BufferLink.objects.as_held().filter(pk=pk).first()


def _send(signal: Signal, **facts: Any) -> None:
    signal.send_robust(sender=BufferLink, **facts)
