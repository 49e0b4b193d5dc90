"""The breaker: while Buffer refuses this client, no link is touched.

A wrong client secret must end nothing. The state is shared by all processes and keyed by client
id and secret, so that a corrected secret closes it at once.
"""

import logging
from datetime import timedelta

from django.db.models import Q, QuerySet

from buffer_connect.flows.refresh.halt import Halt, client_key, halts
from buffer_connect.models import BufferLink, ServiceState
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.contention import is_won

logger = logging.getLogger(__name__)

PROBE_EVERY = timedelta(seconds=60)


def is_open() -> bool:
    """Return whether the token endpoint last refused the client that is configured."""
    return Halt.BREAKER in halts()


def take_probe() -> bool:
    """Return whether the caller may try one link, at most once in `PROBE_EVERY`."""
    rested = Q(probe_at=None) | Q(probe_at__lte=DatabaseNow() - PROBE_EVERY)
    row = _row().filter(rested, opened_at__isnull=False)
    return is_won(lambda: row.update(probe_at=DatabaseNow()), using=row.db)


def open_() -> None:
    """Stop all refreshing: the token endpoint answered `invalid_client`."""
    if is_open():
        return
    ServiceState.objects.put(
        Halt.BREAKER, key=client_key(), opened_at=DatabaseNow(), probe_at=DatabaseNow()
    )
    logger.error(
        "breaker=open error=invalid_client Buffer refuses CLIENT_ID and CLIENT_SECRET; "
        "no link is ended; correct BUFFER_CONNECT and refreshing goes on by itself"
    )


def close() -> None:
    """Go on refreshing: the token endpoint knows this client."""
    # Read first: who has just got tokens must not wait, or fail, for a write that changes nothing.
    if is_open() and _row().filter(opened_at__isnull=False).update(opened_at=None, probe_at=None):
        logger.warning("breaker=closed")


def _row() -> QuerySet[ServiceState]:
    states = ServiceState.objects.using(BufferLink.written_on())
    return states.filter(name=Halt.BREAKER, key=client_key())
