"""When the next sweep comes, as far as the last one tells."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from buffer_connect.flows.refresh.halt import halts
from buffer_connect.models import BufferLink, ServiceState
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.schedule import SWEEP_EVERY

# Later than this, something is amiss rather than slow.
LATE_AFTER = 3 * SWEEP_EVERY


def tell_next(request: HttpRequest) -> None:
    """Leave a message that says when what was scheduled will be refreshed.

    None while nothing is: what keeps it from being refreshed stands above the list.
    """
    if halts():
        return
    level, text = _next()
    messages.add_message(request, level, text)


def _next() -> tuple[int, str]:
    beats = ServiceState.objects.using(BufferLink.written_on()).filter(name="beat")
    last, now = beats.values_list("updated_at", DatabaseNow()).first() or (None, None)
    if last is None or now is None:
        return messages.WARNING, _("No sweep has run yet: start Celery's beat, or buffer_refresh.")
    passed = now - last
    if passed > LATE_AFTER:
        text = _("The last sweep was %(age)s ago: look after Celery's beat, or buffer_refresh.")
        return messages.WARNING, text % {"age": timesince(last, now)}
    seconds = round((SWEEP_EVERY - passed).total_seconds())
    if seconds <= 0:
        return messages.INFO, _("The next sweep is due now.")
    return messages.INFO, _("The next sweep comes within %(seconds)d seconds.") % {
        "seconds": seconds
    }
