"""Ends, each by its evidence and with its reason (T7, E, U1), and what the brake keeps (T7b)."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from buffer_connect.flows import announce
from buffer_connect.flows.commit import atomically
from buffer_connect.flows.refresh import brake
from buffer_connect.flows.refresh.claim import Attempt
from buffer_connect.flows.refresh.reasons import OF_A_REUSE, reason_for_refusal
from buffer_connect.models import BufferLink, LinkEvent, statements
from buffer_connect.models.contention import unless_lost
from buffer_connect.oauth.token import Outcome, says_reused

logger = logging.getLogger(__name__)

Reason = BufferLink.Reason
LAPSES_AT_ONCE = 500


def refuse(attempt: Attempt, outcome: Outcome) -> None:
    """T7, or T7b: the token endpoint refused the refresh token that the link holds."""
    row = BufferLink.objects.as_held().filter(**attempt.held).first()
    reused = attempt.is_resend or says_reused(outcome.description)
    if row is None:
        logger.info("link=%s refusal=stale", attempt.link.uid)
    elif not row.is_held_back:
        _refuse(row, reason_for_refusal(attempt, outcome, row))
    if reused:
        _look_at_account(attempt.link)


def _look_at_account(link: BufferLink) -> None:
    """S for all that may have lived on the grant of `link`, which a second use has ended.

    Also for the link itself, if it was reconnected meanwhile: two epochs may share a grant.
    """
    account = {"account_key": link.account_key, "kind": BufferLink.Kind.OAUTH}
    living = BufferLink.objects.as_held().active().filter(**account)
    for pk in living.values_list("pk", flat=True):
        statements.schedule(pk=pk)


def refuse_unrefreshable(link: BufferLink) -> bool:
    """T7, or T7b, for a link without a refresh token: the API refused all that it has.

    Returns whether it ended.
    """
    return _refuse(link, Reason.REVOKED_AT_BUFFER)


def refuse_held_back(link: BufferLink) -> LinkEvent | None:
    """T7 of a link that was held back, inside the caller's transaction.

    Returns the event, to be told after the commit; None when the link has moved on.
    """
    reason = link.refused_reason
    if not _of(statements.refuse_held_back, link)(reason=reason):
        return None
    return _record(link, reason, refused=True)


def tell_refusal(link: BufferLink, event: LinkEvent) -> None:
    """Tell of the end of `link`. Who shares its grant finds out at once what a reuse has done."""
    announce.announce(event)
    if event.reason in OF_A_REUSE:
        _look_at_account(link)


def _refuse(link: BufferLink, reason: str) -> bool:
    event = atomically(partial(_ended_or_held_back, link, reason))
    if event is not None:
        tell_refusal(link, event)
    return event is not None


def _ended_or_held_back(link: BufferLink, reason: str) -> LinkEvent | None:
    """T7, with its event; T7b while the brake is on, or when it goes on by this refusal."""
    if not brake.holds_one_more():
        ended = _of(statements.refuse, link)(reason=reason)
        return _record(link, reason, refused=True) if ended else None
    if _of(statements.hold_back, link)(reason=reason):
        logger.warning("link=%s refusal=held_back reason=%s", link.uid, reason)
        brake.put_on()
    return None


def give_up(attempt: Attempt) -> bool:
    """E2: the answer was lost, the access token is over, and sending again would do harm."""
    step = _of(statements.give_up, attempt.link, owner=attempt.owner)
    return _end(step, attempt.link, Reason.ANSWER_LOST)


def unauthorized(link: BufferLink) -> bool:
    """U1: the API refused a key, or a token that a forced refresh had just given."""
    step = _of(statements.unauthorized, link, forced_for=statements.FORCED_FOR)
    return _end(step, link, Reason.UNAUTHORIZED)


def lapse(link: BufferLink) -> bool:
    """E1: the access token is over and there was never a refresh token."""
    return _end(partial(statements.lapse, pk=link.pk), link, Reason.EXPIRED)


def lapse_all() -> int:
    """E1 for every link that it fits; return how many ended."""
    ids = [row[0] for row in statements.lapsed.rows_at_last(limit=LAPSES_AT_ONCE)]
    return sum(lapse(link) for link in BufferLink.objects.as_held().filter(pk__in=ids))


def _of(step: Callable[..., int], link: BufferLink, **values: Any) -> Callable[..., int]:
    """Return `step` for the epoch and generation of `link`."""
    return partial(step, pk=link.pk, epoch=link.epoch, generation=link.generation, **values)


def _end(step: Callable[..., int], link: BufferLink, reason: str) -> bool:
    """End `link` by `step`, with its event; False when it has moved on, or others lock its row."""
    event = unless_lost(
        lambda: atomically(lambda: _record(link, reason) if step(reason=reason) else None),
        otherwise=None,
        using=BufferLink.written_on(),
    )
    if event is not None:
        announce.announce(event)
    return event is not None


def _record(link: BufferLink, reason: str, *, refused: bool = False) -> LinkEvent:
    logger.warning("link=%s status=revoked reason=%s", link.uid, reason)
    return LinkEvent.objects.record(
        LinkEvent.Kind.REVOKED,
        link=link.pk,
        reason=reason,
        epoch=link.epoch,
        generation=link.generation,
        refused=refused,
    )
