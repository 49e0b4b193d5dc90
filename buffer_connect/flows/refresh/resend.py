"""T8: a refresh token whose answer was lost, when its access token is over and the wait is past.

Sending it again saves the link if the server never used it, and kills the whole grant if it did.
So the server is asked first, where it can be asked; and a grant that another link may live on is
never put at risk.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from buffer_connect.flows.refresh import endings, introspection
from buffer_connect.flows.refresh.claim import Attempt
from buffer_connect.models import AuthorizationRequest, BufferLink, LinkEvent, statements
from buffer_connect.models.link import BufferLinkQuerySet
from buffer_connect.sealing import Secret

logger = logging.getLogger(__name__)

# After its access token's end; longer than most outages.
WAITS_FOR = timedelta(hours=2)
# With each beat: where each sweep is a process of its own, one that refreshes a healthy link learns
# only then that the server can be asked.
AGAIN_IN = timedelta(seconds=30)


def is_left_to_sweeps(link: BufferLink) -> bool:
    """Return whether a caller leaves `link` alone, for a sweep may save what it would have to end.

    Another link lives on the account, so the server has to be asked; sweeps learn whether it can be.
    """
    return link.in_doubt and introspection.is_untried() and _siblings(link).exists()


def may_be_sent(
    attempt: Attempt, ask: Callable[[Secret], bool | None] = introspection.ask
) -> Attempt | None:
    """Return `attempt` as it may be sent, or None when it waits, or its link had to be given up (E2)."""
    if not attempt.is_resend:
        return attempt
    known = ask(attempt.token)
    if known is True:
        return _unsent(attempt)
    if known is None and not _siblings(attempt.link).exists():
        return attempt
    if known is None and _may_wait(attempt.link):
        _put_off(attempt)
    else:
        endings.give_up(attempt)
    return None


def may_leave(attempt: Attempt) -> bool:
    """Return whether `attempt` may leave now; that a generation goes out again is written down.

    Since the intent was, somebody may have connected the account, for whom that would be the end.
    """
    if not attempt.is_resend:
        return True
    if not _is_still_alone(attempt):
        return False
    LinkEvent.objects.record(
        LinkEvent.Kind.RESENT,
        link=attempt.link.pk,
        epoch=attempt.link.epoch,
        generation=attempt.link.generation,
    )
    return True


def _is_still_alone(attempt: Attempt) -> bool:
    link = attempt.link
    requests = AuthorizationRequest.objects.using(BufferLink.written_on())
    # In this order: who finishes in between is found among the links.
    if requests.may_be_for(link.account_key, tries=link.failures).exists():
        return False
    rows = BufferLink.objects.as_held().active()
    return rows.filter(**attempt.held).exists() and not _siblings(link).exists()


def _siblings(link: BufferLink) -> BufferLinkQuerySet:
    return BufferLink.objects.as_held().active().siblings(link)


def _may_wait(link: BufferLink) -> bool:
    """Return whether the server may tell yet: as long as it is away, nothing is ended."""
    return introspection.may_count() and link.life_left > -WAITS_FOR


def _put_off(attempt: Attempt) -> None:
    """T4b: nothing was sent, and nothing is known."""
    delay = AGAIN_IN.total_seconds()
    statements.block(**attempt.held, owner=attempt.owner, error="not_introspected", delay=delay)
    logger.warning(
        "link=%s refresh=put_off error=not_introspected retry_in=%.0fs", attempt.link.uid, delay
    )


def _unsent(attempt: Attempt) -> Attempt | None:
    """The server says that it never used the token: nothing is in doubt any more."""
    if not statements.unsend.if_free(**attempt.held, owner=attempt.owner):
        return None
    link = BufferLink.objects.as_held().filter(**attempt.held).first()
    return None if link is None else replace(attempt, link=link)
