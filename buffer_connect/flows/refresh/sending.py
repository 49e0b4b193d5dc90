"""One request, on the thread of an executor or where the caller stands. No database is touched."""

from time import monotonic

from django.core.exceptions import ImproperlyConfigured

from buffer_connect import transport
from buffer_connect.conf import conf
from buffer_connect.flows.refresh.claim import Attempt
from buffer_connect.flows.refresh.settle import Landed
from buffer_connect.oauth.token import NOT_SENT


def send(attempt: Attempt) -> Landed:
    """Send what is written down, and return what came of it."""
    sent_at = monotonic()
    try:
        outcome = transport.refresh(attempt.token, write_by=attempt.send_by + conf.timing.connect)
    except ImproperlyConfigured:
        # The settings are read before anything is written.
        outcome = NOT_SENT
    return Landed(outcome=outcome, sent_at=sent_at, arrived_at=monotonic())
