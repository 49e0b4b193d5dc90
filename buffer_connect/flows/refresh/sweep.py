"""The sweep: everything that is due, claimed in small batches, until time is up."""

import logging
from threading import Event
from time import monotonic

from buffer_connect.conf import conf
from buffer_connect.flows.refresh import breaker, bucket, endings, held_back
from buffer_connect.flows.refresh.claim import Claim, claim
from buffer_connect.flows.refresh.halt import Halt, halts
from buffer_connect.flows.refresh.in_place import refresh
from buffer_connect.flows.refresh.pipeline import Pause, Pipeline
from buffer_connect.models import ServiceState, statements
from buffer_connect.stopping import Stop

logger = logging.getLogger(__name__)

# A sweep ends before the next beat.
CLAIMS_FOR = 50.0
# Others took all that was due a moment ago, or the database is busy.
OTHERS_WERE_QUICKER = Pause(seconds=0.05)


def sweep(*, seconds: float = CLAIMS_FOR, stop: Stop | None = None) -> int:
    """Refresh the links that are due, and end those that have lapsed.

    Claims for at most `seconds`, then finishes what it claimed; once `stop` is set only what is
    out. Returns how many links it claimed. Safe beside any number of other sweeps and callers.
    """
    ServiceState.objects.tick()
    endings.lapse_all()
    stop = stop or Event()
    claims = Claims(until=monotonic() + seconds, stop=stop)
    if _may_claim(claims):
        pipeline = Pipeline(
            claims.take,
            most=conf.timing.in_flight,
            on_unsent=bucket.give_back,
            learns=True,
            stop=stop,
        )
        pipeline.run()
    return claims.links


class Claims:
    """Claims what is due, soonest first, as fast as it may be sent, until time is up.

    Or until Buffer refuses this client, or so many links that the brake goes on.
    """

    def __init__(self, *, until: float, stop: Stop) -> None:
        self.links = 0
        self._until = until
        self._stop = stop

    def take(self, limit: int) -> Claim | Pause | None:
        """Claim up to `limit` links; None when there is nothing more to do."""
        if self.is_over or halts():
            return None
        return self.take_due(limit)

    @property
    def is_over(self) -> bool:
        """Whether time is up, or somebody asked to stop."""
        return monotonic() > self._until or self._stop.is_set()

    def take_due(self, limit: int, *, probing: bool = False) -> Claim | Pause | None:
        """Claim up to `limit` links that are due, whatever the time."""
        ids = statements.due(quarantine=conf.timing.quarantine, limit=limit)
        if not ids:
            return None
        leave = bucket.take(len(ids))
        if not leave:
            return Pause(seconds=bucket.REFILLS_IN)
        taken = claim(ids[:leave], probing=probing)
        bucket.give_back(leave - len(taken.links))
        self.links += len(taken.links)
        return taken if taken.links else OTHERS_WERE_QUICKER


def _may_claim(claims: Claims) -> bool:
    """Return whether nothing forbids to claim; see first whether what does has passed."""
    found = halts()
    if Halt.BRAKE not in found:
        held_back.retry_forgotten()
    elif not held_back.resume_when_over():
        return False
    return Halt.BREAKER not in found or _probe(claims)


def _probe(claims: Claims) -> bool:
    """While the breaker is open: send one link; return whether Buffer knows this client again.

    What cannot be sent, as for a missing key, must not stand in the way of those that can.
    """
    if not breaker.take_probe():
        return False
    is_known = None
    while is_known is None and not claims.is_over:
        taken = claims.take_due(1, probing=True)
        if not isinstance(taken, Claim):
            return False
        is_known = refresh(taken)
        if is_known is None:
            bucket.give_back(len(taken.links))
    if is_known:
        breaker.close()
    return bool(is_known)
