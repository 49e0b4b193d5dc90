"""What forbids to claim any link: the breaker, or the brake."""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Q

from buffer_connect.conf import conf
from buffer_connect.models import BufferLink, ServiceState, statements
from buffer_connect.models.clock import DatabaseNow


class Halt(StrEnum):
    """A state of the whole service; the values are names of `ServiceState`."""

    # The token endpoint refuses this client.
    BREAKER = "breaker"
    # It has refused many links within minutes.
    BRAKE = "brake"


def halts() -> set[Halt]:
    """Return what forbids to claim at the moment; nothing, as a rule."""
    return {Halt(name) for name in statements.halts(client_key=client_key())}


def halted_since() -> dict[Halt, datetime]:
    """Return the same, with the moments since when."""
    mine = Q(name=Halt.BRAKE) | Q(name=Halt.BREAKER, key=client_key())
    states = ServiceState.objects.using(BufferLink.written_on()).filter(mine)
    found = states.exclude(opened_at=None).values_list("name", "opened_at")
    return {Halt(name): moment for name, moment in found if moment}


def refused_elsewhere_since(within: timedelta) -> datetime | None:
    """Return since when another client is refused that some process has used within so long."""
    states = ServiceState.objects.using(BufferLink.written_on()).filter(name=Halt.BREAKER)
    others = states.exclude(key=client_key()).filter(probe_at__gt=DatabaseNow() - within)
    return others.values_list("opened_at", flat=True).first()


def client_key() -> str:
    """Return by which the state of this client is told from that of another secret."""
    secret = conf.client_secret
    parts = conf.client_id, secret.reveal() if secret else ""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
