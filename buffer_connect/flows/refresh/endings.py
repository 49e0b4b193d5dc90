"""Ends, each by its evidence and with its reason (T7, E, U1)."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Q

from buffer_connect.flows import announce
from buffer_connect.flows.refresh.claim import Attempt
from buffer_connect.models import BufferLink, LinkEvent, statements
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.contention import is_contention
from buffer_connect.oauth import lives
from buffer_connect.oauth.token import Outcome, says_reused

logger = logging.getLogger(__name__)

Reason = BufferLink.Reason
RECENTLY = timedelta(hours=24)
LAPSES_AT_ONCE = 500
# Of a step that others were quicker at the row of.
TRIES = 3


def refuse(attempt: Attempt, outcome: Outcome) -> None:
    """T7: the token endpoint refused the refresh token that the link holds."""
    row = BufferLink.objects.as_held().filter(**attempt.held).first()
    if row is None:
        logger.info("link=%s refusal=stale", attempt.link.uid)
        return
    reason = reason_for_refusal(attempt, outcome, row)
    if _end(_of(statements.refuse, row), row, reason) and reason == Reason.REFRESH_TOKEN_REUSED:
        for sibling in BufferLink.objects.as_held().active().siblings(row):
            statements.schedule(pk=sibling.pk)


def refuse_unrefreshable(link: BufferLink) -> bool:
    """T7 for a link without a refresh token: the API refused all that it has."""
    return _end(_of(statements.refuse, link), link, Reason.REVOKED_AT_BUFFER)


def give_up(attempt: Attempt) -> bool:
    """E2: the answer was lost, the access token is over, and sending again would do harm."""
    step = _of(statements.give_up, attempt.link, owner=attempt.owner)
    return _end(step, attempt.link, Reason.ANSWER_LOST)


def unauthorized(link: BufferLink) -> bool:
    """U1: the API refused a token that a forced refresh had just given."""
    step = _of(statements.unauthorized, link, forced_for=statements.FORCED_FOR)
    return _end(step, link, Reason.UNAUTHORIZED)


def lapse(link: BufferLink) -> bool:
    """E1: the access token is over and there was never a refresh token."""
    return _end(partial(statements.lapse, pk=link.pk), link, Reason.EXPIRED)


def lapse_all() -> int:
    """E1 for every link that it fits; return how many ended."""
    ids = [row[0] for row in statements.lapsed.rows(limit=LAPSES_AT_ONCE)]
    return sum(lapse(link) for link in BufferLink.objects.as_held().filter(pk__in=ids))


def _of(step: Callable[..., int], link: BufferLink, **values: Any) -> Callable[..., int]:
    """Return `step` for the epoch and generation of `link`."""
    return partial(step, pk=link.pk, epoch=link.epoch, generation=link.generation, **values)


def _end(step: Callable[..., int], link: BufferLink, reason: str) -> bool:
    """End `link` by `step`, with its event; False when it has moved on."""
    tries_left = TRIES
    while True:
        tries_left -= 1
        try:
            with transaction.atomic(using=BufferLink.written_on()):
                event = _record(link, reason) if step(reason=reason) else None
            break
        except OperationalError as error:
            if not tries_left or not is_contention(error):
                raise
    if event is not None:
        announce.announce(event)
    return event is not None


def _record(link: BufferLink, reason: str) -> LinkEvent:
    logger.warning("link=%s status=revoked reason=%s", link.uid, reason)
    return LinkEvent.objects.record(
        LinkEvent.Kind.REVOKED,
        link=link.pk,
        reason=reason,
        epoch=link.epoch,
        generation=link.generation,
    )


def reason_for_refusal(attempt: Attempt, outcome: Outcome, row: BufferLink) -> str:
    """Return why a refresh token that we hold may have been refused.

    The server gives one and the same answer for every cause; never claim more than the evidence.
    `row` is the link as it stands now.
    """
    return next(_reasons(attempt, outcome, row))


def _reasons(attempt: Attempt, outcome: Outcome, row: BufferLink) -> Iterator[str]:
    if row.sent_count != attempt.sent_count or _has_twin(row):
        yield Reason.REFRESH_TOKEN_REUSED
    if says_reused(outcome.description):
        yield Reason.REFRESH_TOKEN_REUSED
    if inherited := _reason_of_sibling(row):
        yield inherited
    if attempt.sent_count >= 2 or _within(row, row.anomaly_at, RECENTLY):
        yield Reason.ANSWER_LOST
    if row.restored_at is not None:
        yield Reason.CLONED_OR_RESTORED
    if _is_aged(row):
        yield Reason.EXPIRED
    yield Reason.REVOKED_AT_BUFFER


def _has_twin(row: BufferLink) -> bool:
    twins = BufferLink.objects.as_held().filter(refresh_token_digest=row.refresh_token_digest)
    return bool(row.refresh_token_digest) and twins.exclude(pk=row.pk).exists()


def _reason_of_sibling(row: BufferLink) -> str | None:
    """A grant is shared: what ended a sibling of late has ended this link too."""
    resent = Q(reason=Reason.ANSWER_LOST, sent_count__gte=2)
    ended = BufferLink.objects.as_held().revoked().siblings(row)
    ended = ended.filter(Q(reason=Reason.REFRESH_TOKEN_REUSED) | resent)
    recent = ended.filter(status_changed_at__gte=DatabaseNow() - RECENTLY)
    return recent.order_by("-status_changed_at").values_list("reason", flat=True).first()


def _within(row: BufferLink, moment: Any, span: timedelta) -> bool:
    return moment is not None and row.database_now - moment <= span


def _is_aged(row: BufferLink) -> bool:
    """Whether a life that Buffer's server sets may be over, at no one's fault."""
    if row.connected_at is None:
        return False
    age = row.database_now - row.connected_at
    idle = row.database_now - (row.last_refreshed_at or row.connected_at)
    past_end = age % lives.GRANT_LIFE
    grant_over = age >= lives.GRANT_LIFE and past_end <= timedelta(hours=1)
    return idle > lives.IDLE_LIFE or grant_over or age > lives.CHAIN_LIFE
