"""Housekeeping: what a killed process owes, and rows of which nothing is wanted."""

from buffer_connect.conf import conf
from buffer_connect.flows import revocation
from buffer_connect.flows.announce import announce_overdue
from buffer_connect.models import AuthorizationRequest, BufferLink, LinkEvent
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.stopping import Stop


def clean_up(*, stop: Stop | None = None) -> None:
    """Announce what stayed unannounced, delete what is older than it is kept, tell Buffer.

    Once `stop` is set Buffer is told nothing more.
    """
    announce_overdue()
    database, oldest = BufferLink.written_on(), DatabaseNow() - conf.retention
    AuthorizationRequest.objects.using(database).stale().delete()
    events = LinkEvent.objects.using(database).ours().settled()
    events.filter(created_at__lt=oldest).delete()
    gone = BufferLink.objects.using(database).ours().filter(status=BufferLink.Status.DISCONNECTED)
    gone.filter(status_changed_at__lt=oldest).delete()
    revocation.send_due(stop=stop)
