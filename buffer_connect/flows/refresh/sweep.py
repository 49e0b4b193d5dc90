"""The sweep: everything that is due, claimed in small batches, until time is up."""

import logging
from threading import Event
from time import monotonic, sleep

from buffer_connect.conf import conf
from buffer_connect.flows.refresh import breaker, endings, introspection
from buffer_connect.flows.refresh.claim import Claim, claim
from buffer_connect.flows.refresh.pipeline import Pipeline, refresh
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
    ServiceState.objects.tick()
    endings.lapse_all()
    claims = Claims(until=monotonic() + seconds, stop=stop or Event())
    if not breaker.is_open() or _probe(claims):
        pipeline = Pipeline(claims.take, most=conf.timing.in_flight, on_stored=introspection.learn)
        pipeline.run()
    return claims.links


class Claims:
    """Claims what is due, soonest first, until time is up or Buffer refuses this client."""

    def __init__(self, *, until: float, stop: Event) -> None:
        self.links = 0
        self._until = until
        self._stop = stop

    def take(self, limit: int) -> Claim | None:
        """Claim up to `limit` links; None when there is nothing more to do."""
        if monotonic() > self._until or self._stop.is_set() or breaker.is_open():
            return None
        return self.take_due(limit)

    def take_due(self, limit: int) -> Claim | None:
        """Claim up to `limit` links that are due, whatever the time."""
        ids = statements.due(quarantine=conf.timing.quarantine, limit=limit)
        if not ids:
            return None
        taken = claim(ids)
        self.links += len(taken.links)
        if not taken.links:
            sleep(PAUSE)
        return taken


def _probe(claims: Claims) -> bool:
    """While the breaker is open: try one link; return whether Buffer knows this client again."""
    if not breaker.take_probe():
        return False
    taken = claims.take_due(1)
    if taken is None or not taken.links or not refresh(taken):
        return False
    breaker.close()
    return True
