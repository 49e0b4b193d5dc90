"""Why Buffer may have refused a refresh token that is held: never more than the evidence shows."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Q

from buffer_connect.conf import conf
from buffer_connect.flows.refresh.claim import DIGEST_PURPOSE, Attempt
from buffer_connect.models import BufferLink, LinkEvent
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.oauth import lives
from buffer_connect.oauth.token import Outcome, says_reused

Reason = BufferLink.Reason
# These tell of a token that was used twice, which ends all that live on the same grant.
OF_A_REUSE = {Reason.REFRESH_TOKEN_REUSED, Reason.CLONED_OR_RESTORED}
# So long after a second send of its own, or the end of a sibling, a row is explained by it.
RECENTLY = timedelta(hours=24)
# So long by the history of its account: an idle link may be refreshed no more than once a day.
REMEMBERED = timedelta(hours=48)


def reason_for_refusal(attempt: Attempt, outcome: Outcome, row: BufferLink) -> str:
    """Return why a refresh token that we hold may have been refused.

    The server gives one and the same answer for every cause; never claim more than the evidence.
    `row` is the link as it stands now.
    """
    return next(_reasons(attempt, outcome, row))


def _reasons(attempt: Attempt, outcome: Outcome, row: BufferLink) -> Iterator[str]:
    if row.sent_count != attempt.sent_count or _has_twin(attempt):
        yield Reason.REFRESH_TOKEN_REUSED
    if says_reused(outcome.description):
        yield Reason.REFRESH_TOKEN_REUSED
    if inherited := _reason_of_sibling(row):
        yield inherited
    remembered = _reasons_of_account(row)
    if Reason.REFRESH_TOKEN_REUSED in remembered:
        yield Reason.REFRESH_TOKEN_REUSED
    second_send = attempt.sent_count >= 2 or _within(row, row.anomaly_at, RECENTLY)
    if second_send or Reason.ANSWER_LOST in remembered:
        yield Reason.ANSWER_LOST
    if row.restored_at is not None or Reason.CLONED_OR_RESTORED in remembered:
        yield Reason.CLONED_OR_RESTORED
    if _is_aged(row):
        yield Reason.EXPIRED
    yield Reason.REVOKED_AT_BUFFER


def _has_twin(attempt: Attempt) -> bool:
    """Whether another row holds, or held when it ended, the token that was refused."""
    digests = attempt.keyring.digests(attempt.token, DIGEST_PURPOSE)
    twins = BufferLink.objects.as_held().filter(refresh_token_digest__in=digests)
    return twins.exclude(pk=attempt.link.pk).exists()


def _reason_of_sibling(row: BufferLink) -> str | None:
    """A grant is shared: what ended a sibling of late has ended this link too."""
    resent = Q(reason=Reason.ANSWER_LOST, sent_count__gte=2)
    ended = BufferLink.objects.as_held().revoked().siblings(row)
    ended = ended.filter(Q(reason=Reason.REFRESH_TOKEN_REUSED) | resent)
    recent = ended.filter(status_changed_at__gte=DatabaseNow() - RECENTLY)
    return recent.order_by("-status_changed_at").values_list("reason", flat=True).first()


def _reasons_of_account(row: BufferLink) -> set[str]:
    """Return what the history of the account tells of tokens that were used twice.

    It knows of epochs that are over and of siblings that were reconnected since. A request may be
    on its way for as long as the quarantine; what was sent earlier than that before the connect
    has not ended a grant that was there to connect to.
    """
    since = row.database_now - REMEMBERED
    if row.connected_at is not None:
        on_its_way = timedelta(seconds=conf.timing.quarantine)
        since = max(since, row.connected_at - on_its_way)
    events = LinkEvent.objects.of_account(row).filter(created_at__gte=since)
    ended = events.filter(kind=LinkEvent.Kind.REVOKED, reason__in=OF_A_REUSE).exclude(link=row.pk)
    reasons = set(ended.values_list("reason", flat=True))
    if events.filter(kind=LinkEvent.Kind.RESENT).exists():
        reasons.add(Reason.ANSWER_LOST)
    return reasons


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
