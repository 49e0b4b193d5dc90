"""The sweep: everything that is due, claimed in small batches, until time is up."""

import logging
from threading import Event
from time import monotonic, sleep

from buffer_connect.conf import conf
from buffer_connect.flows.refresh import breaker, endings
from buffer_connect.flows.refresh.batch import refresh
from buffer_connect.flows.refresh.claim import claim
from buffer_connect.models import ServiceState, statements

logger = logging.getLogger(__name__)

# A sweep ends before the next beat.
CLAIMS_FOR = 50.0
# Others took all that was due a moment ago, or the database is busy.
PAUSE = 0.05


def sweep(*, seconds: float = CLAIMS_FOR, stop: Event | None = None) -> int:
    """Refresh the links that are due, and end those that have lapsed.

    Claims for at most `seconds`, or until `stop` is set, then finishes what it claimed. Returns
    how many links it claimed. Safe beside any number of other sweeps and callers.
    """
    started, claimed = monotonic(), 0
    ServiceState.objects.tick()
    endings.lapse_all()
    while monotonic() - started < seconds and not (stop and stop.is_set()):
        taken, goes_on = _sweep_once()
        claimed += taken
        if not goes_on:
            break
        if not taken:
            sleep(PAUSE)
    return claimed


def _sweep_once() -> tuple[int, bool]:
    """Return how many links were claimed, and whether there may be more to do."""
    probing = breaker.is_open()
    if probing and not breaker.take_probe():
        return 0, False
    timing = conf.timing
    limit = 1 if probing else 2 * timing.in_flight
    ids = statements.due(quarantine=timing.quarantine, limit=limit)
    if not ids:
        return 0, False
    taken = claim(ids)
    return len(taken.links), refresh(taken, probing=probing)
