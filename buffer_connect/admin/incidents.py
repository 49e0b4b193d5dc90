"""What keeps all links from being refreshed: it stands above the list until it is over."""

from datetime import datetime

from django.core.exceptions import ImproperlyConfigured
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from buffer_connect.flows.refresh.halt import Halt, halted_since
from buffer_connect.models import BufferLink


def told() -> list[str]:
    """Return one text for each thing that somebody has to look after."""
    try:
        halted = halted_since()
    except ImproperlyConfigured as error:
        return [str(error)]
    return [TEXTS[halt](since) for halt, since in halted.items()]


def _breaker(since: datetime) -> str:
    text = _(
        "Buffer refuses CLIENT_ID and CLIENT_SECRET, so since %(since)s nothing is refreshed. It "
        "goes on by itself when they are right. No link is ended by that."
    )
    return text % {"since": _moment(since)}


def _brake(since: datetime) -> str:
    text = _(
        "Buffer refused many links at once, so since %(since)s nothing is refreshed. Held back "
        "instead of ended: %(count)d. Find out why, then run buffer_status --retry or --resume."
    )
    held_back = BufferLink.objects.as_held().ours().held_back()
    return text % {"since": _moment(since), "count": held_back.count()}


TEXTS = {Halt.BREAKER: _breaker, Halt.BRAKE: _brake}


def _moment(moment: datetime) -> str:
    return date_format(localtime(moment), "SHORT_DATETIME_FORMAT")
