"""The brake: when Buffer refuses many links within minutes, nothing more is put at risk.

Single links end at any time. Many at once have a common cause, and it may pass or be cured: then
no more of them should have ended than it took to notice.
"""

import logging
from datetime import datetime, timedelta

from django.db.models import QuerySet

from buffer_connect.flows.refresh.halt import Halt
from buffer_connect.models import BufferLink, LinkEvent, ServiceState
from buffer_connect.models.clock import DatabaseNow

logger = logging.getLogger(__name__)

# It goes on with so many refusals within so long, if they are over a twentieth of the active OAuth
# links. API keys are on neither side: what becomes of them says nothing about the site's grants.
AT_LEAST = 20
ONE_IN = 20
WITHIN = timedelta(minutes=10)


def holds_one_more() -> bool:
    """Return whether the refusal at hand must not end its link.

    Call it inside a transaction: until that ends, nobody else counts, or changes the brake.
    """
    ServiceState.objects.lock(Halt.BRAKE)
    opened_at, taken_off_at = _row().values_list("opened_at", "updated_at").get()
    return opened_at is not None or _are_many(1 + _refused(taken_off_at))


def put_on() -> None:
    """Let nothing more be claimed; somebody has to look."""
    if not _row().filter(opened_at=None).update(opened_at=DatabaseNow()):
        return
    logger.error(
        "brake=on Buffer refuses many links at once; nothing is refreshed and no more links are "
        "ended by it; find out why, then run buffer_status --retry or --resume"
    )


def lock_if_on(*, at_least: timedelta = timedelta(0)) -> bool:
    """Return whether the brake has been on for `at_least`; for a transaction, as above."""
    ServiceState.objects.lock(Halt.BRAKE)
    return _row().filter(opened_at__lte=DatabaseNow() - at_least).exists()


def take_off() -> None:
    """Let links be claimed again; what was refused until now counts no more."""
    _row().update(opened_at=None, updated_at=DatabaseNow())


def _row() -> QuerySet[ServiceState]:
    return ServiceState.objects.using(BufferLink.written_on()).filter(name=Halt.BRAKE)


def _refused(after: datetime | None) -> int:
    refusals = LinkEvent.objects.using(BufferLink.written_on()).ours().refusals(within=WITHIN)
    since = refusals.filter(created_at__gt=after) if after else refusals
    # Links: who reconnects and revokes again and again at Buffer is still one of them.
    return since.values("link").distinct().count()


def _are_many(refused: int) -> bool:
    if refused < AT_LEAST:
        return False
    enough = refused * ONE_IN
    active = BufferLink.objects.as_held().active().ours().filter(kind=BufferLink.Kind.OAUTH)
    # No more rows are read than it takes to know.
    return active[:enough].count() < enough
