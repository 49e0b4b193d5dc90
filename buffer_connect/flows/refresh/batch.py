"""One engine: a batch of claimed links, prepared, written down, sent and settled."""

from collections.abc import Iterator, Sequence
from itertools import islice
from time import monotonic
from typing import TypeVar

from buffer_connect import transport
from buffer_connect.conf import conf
from buffer_connect.flows.refresh import breaker, endings
from buffer_connect.flows.refresh.claim import Attempt, Claim, prepare, record_intent, release
from buffer_connect.flows.refresh.settle import settle
from buffer_connect.models import BufferLink, LinkEvent
from buffer_connect.oauth.token import NOT_SENT, Verdict

T = TypeVar("T")

# So many are written down as sent before they are: a kill leaves no more than these in doubt.
AHEAD = 4


def refresh(claimed: Claim, *, probing: bool = False) -> bool:
    """Refresh the links of a claim, soonest due first.

    Stops, and gives the rest back untouched, as soon as Buffer refuses this client; returns
    whether it went through. `probing` says that the breaker is open and this is its one try.
    """
    attempts = [attempt for attempt in prepare(claimed) if _may_be_sent(attempt)]
    groups = _grouped(attempts, AHEAD)
    for group in groups:
        if not _refresh_group(record_intent(group), probing=probing):
            for rest in groups:
                release(rest)
            return False
    return True


def _refresh_group(group: list[Attempt], *, probing: bool) -> bool:
    accepted = True
    for attempt in group:
        # Written down but not sent: the client was refused a moment ago.
        accepted = _refresh_one(attempt, probing=probing) if accepted else _leave(attempt)
    return accepted


def _refresh_one(attempt: Attempt, *, probing: bool) -> bool:
    """Send one; return False when Buffer refuses this client."""
    if attempt.is_resend:
        LinkEvent.objects.record(
            LinkEvent.Kind.RESENT,
            link=attempt.link.pk,
            epoch=attempt.link.epoch,
            generation=attempt.link.generation,
        )
    sent_at = monotonic()
    outcome = transport.refresh(attempt.token, write_by=attempt.send_by + conf.timing.connect)
    settle(attempt, outcome, sent_at=sent_at)
    accepted = outcome.verdict != Verdict.CLIENT_REJECTED
    # A network that is down says nothing about the client.
    if probing and accepted and outcome.answered:
        breaker.close()
    return accepted


def _leave(attempt: Attempt) -> bool:
    settle(attempt, NOT_SENT, sent_at=monotonic())
    return False


def _may_be_sent(attempt: Attempt) -> bool:
    """T8: a generation in doubt is sent again only while no other link lives on the account.

    Otherwise a reuse would kill the grant that they share; the link ends (E2).
    """
    if not attempt.is_resend:
        return True
    siblings = BufferLink.objects.as_held().active().siblings(attempt.link)
    if not siblings.exists():
        return True
    endings.give_up(attempt)
    return False


def _grouped(items: Sequence[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group
