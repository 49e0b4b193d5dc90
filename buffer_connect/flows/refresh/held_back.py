"""What becomes of the links that Buffer refused while the brake was on.

Each way out is one transaction, which takes the brake off as well: so no refusal falls between,
and two who choose at the same moment do not undo each other.
"""

import logging
from datetime import timedelta
from functools import partial

from django.db import Error

from buffer_connect.flows.commit import atomically
from buffer_connect.flows.refresh import brake, endings
from buffer_connect.models import BufferLink, LinkEvent, statements

logger = logging.getLogger(__name__)

Ended = list[tuple[BufferLink, LinkEvent]]

# The brake is no verdict: with nobody there to look, what Buffer said counts in the end.
HELD_FOR = timedelta(hours=1)


def resume() -> int | None:
    """End what was held back (T7) and claim again; return how many ended.

    None when the brake is not on.
    """
    return _resume(after=timedelta(0))


def resume_when_over() -> bool:
    """Resume when the brake has been on for `HELD_FOR`; return whether it was this call that did."""
    return _resume(after=HELD_FOR) is not None


def retry() -> int | None:
    """Take back what was held back, to be refreshed at once, and claim again; return how many.

    None when the brake is not on.
    """
    retried = atomically(_retry)
    if retried is not None:
        logger.warning("brake=off cause=retry links=%s", retried)
    return retried


def retry_forgotten() -> None:
    """Take back what is held back though the brake is off, and let what Buffer says now count.

    Where two INSTANCEs of the site share a database, the other one may have taken the brake off.
    """
    if not BufferLink.objects.as_held().ours().held_back().due().exists():
        return
    # It may have gone on since, and what is held back now belongs to it.
    if retried := atomically(_retry_unless_on):
        logger.warning("brake=off cause=forgotten links=%s", retried)


def _retry_unless_on() -> int:
    return 0 if brake.lock_if_on() else statements.retry_held_back()


def _resume(*, after: timedelta) -> int | None:
    ended = atomically(partial(_end_all, after))
    if ended is None:
        return None
    logger.warning("brake=off cause=resume ended=%s", len(ended))
    _tell(ended)
    return len(ended)


def _tell(ended: Ended) -> None:
    """Tell of what has ended. It has, so a database that is away now changes nothing of it."""
    for link, event in ended:
        try:
            endings.tell_refusal(link, event)
        except Error as error:
            # `clean_up` announces it later.
            logger.warning("link=%s event=untold error=%s", link.uid, type(error).__name__)


def _end_all(after: timedelta) -> Ended | None:
    if not brake.lock_if_on(at_least=after):
        return None
    links = BufferLink.objects.as_held().ours().held_back()
    ended = [(link, event) for link in links if (event := endings.refuse_held_back(link))]
    brake.take_off()
    return ended


def _retry() -> int | None:
    if not brake.lock_if_on():
        return None
    retried = statements.retry_held_back()
    brake.take_off()
    return retried
