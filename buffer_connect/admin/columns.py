"""The list's columns, in the order of their worth, and short: all fit beside the filters.

Each cell carries its column's name too. The stylesheet shows it where the list is too narrow for
columns, and a link's cells stand below each other.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext_lazy as _

from buffer_connect.admin import standing
from buffer_connect.models import BufferLink
from buffer_connect.scopes import ALWAYS_ASKED
from buffer_connect.wording import Words

Column = Callable[[Any], Any]

USER, NEXT_ATTEMPT, EXPIRES = _("user"), _("next attempt"), _("expires")
LAST_REFRESH, SCOPES = _("last refresh"), _("scopes")
AHEAD, AGO, OVERDUE = _("in %(time)s"), _("%(time)s ago"), _("due for %(time)s")
NOW = _("now")
MINUTE = timedelta(minutes=1)
BREAKS = re.compile(r"(?<=[@._:-])(?=\w)")


def breakable(text: object) -> SafeString:
    """Let lines end inside of addresses, scopes and codes."""
    first, *rest = BREAKS.split(str(text))
    return format_html("{}{}", first, format_html_join("", "<wbr>{}", ((part,) for part in rest)))


@admin.display(description=_("account"), ordering="account_name")
def account(link: BufferLink) -> SafeString:
    return breakable(link)


@admin.display(description=_("status"), ordering="status")
def status(link: Any) -> SafeString:
    why = breakable(standing.why_in_short(link, link.standing))
    return format_html('{}<div class="buffer-why">{}</div>', standing.badge(link.standing), why)


@admin.display(description=USER, ordering=f"user__{get_user_model().USERNAME_FIELD}")
def user(link: BufferLink) -> SafeString:
    return _cell(USER, breakable(link.user))


@admin.display(description=NEXT_ATTEMPT, ordering="refresh_due_at")
def next_attempt(link: BufferLink) -> SafeString | None:
    return _time(NEXT_ATTEMPT, standing.next_attempt(link), past=OVERDUE)


@admin.display(description=EXPIRES, ordering="expires_at")
def expires(link: BufferLink) -> SafeString | None:
    return _time(EXPIRES, standing.expiry(link))


@admin.display(description=LAST_REFRESH, ordering="last_refreshed_at")
def last_refresh(link: BufferLink) -> SafeString | None:
    return _time(LAST_REFRESH, link.last_refreshed_at)


@admin.display(description=SCOPES)
def scopes(link: BufferLink) -> SafeString | None:
    """What was granted beyond the two that everybody is asked for; a key has none, and may do all."""
    if link.is_api_key:
        return _cell(SCOPES, breakable(link.get_kind_display()))
    granted = [scope for scope in link.granted_scopes if scope not in ALWAYS_ASKED]
    each = ((breakable(scope),) for scope in granted)
    shown = format_html_join(" ", '<span class="buffer-scope">{}</span>', each)
    return _cell(SCOPES, shown) if granted else None


COLUMNS: tuple[Column, ...] = (
    account,
    status,
    user,
    next_attempt,
    expires,
    last_refresh,
    scopes,
)


def _cell(name: Words, value: SafeString) -> SafeString:
    return format_html('<span class="buffer-column">{}:</span> {}', capfirst(str(name)), value)


def _time(name: Words, moment: datetime | None, *, past: Words = AGO) -> SafeString | None:
    """Show how far away `moment` is; a pointer that rests there is shown the moment itself."""
    if moment is None:
        return None
    exactly = date_format(timezone.localtime(moment), "DATETIME_FORMAT")
    shown = format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exactly, _away(moment, past)
    )
    return _cell(name, shown)


def _away(moment: datetime, past: Words) -> str:
    now = timezone.now()
    if abs(moment - now) < MINUTE:
        return str(NOW)
    away = timeuntil(moment, now, depth=1) if moment > now else timesince(moment, now, depth=1)
    # A column may be narrower than that.
    return str(AHEAD if moment > now else past) % {"time": away.replace("\xa0", " ")}
