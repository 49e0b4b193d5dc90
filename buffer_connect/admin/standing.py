"""How a link fares: its status, and for an active one whether its refreshing goes well."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import (
    Case,
    F,
    Q,
    QuerySet,
    TextChoices,
    Value,
    When,
)
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from buffer_connect import wording
from buffer_connect.models import BufferLink
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.waiting import not_sent_before
from buffer_connect.wording import Words


class Standing(TextChoices):
    # Its tokens may be used, and are refreshed.
    CONNECTED = "connected", _("connected")
    # Its access token is over, and by the site's policy nobody needs one yet.
    RESTING = "resting", _("rests")
    # There is nothing to refresh it with.
    FADING = "fading", _("ends by itself")
    # The last refresh brought no access token.
    FAILING = "failing", _("refresh fails")
    # Nobody knows whether its refresh token was used.
    DOUBTFUL = "doubtful", _("in doubt")
    # Its tokens do not open.
    BLOCKED = "blocked", _("blocked")
    # Buffer refused it while the brake was on.
    HELD_BACK = "held_back", _("held back")
    ENDED = "ended", _("ended")
    DISCONNECTED = "disconnected", _("disconnected")


# A shape for each, since not everybody sees the colours.
MARKS = {
    Standing.CONNECTED: "✓",
    Standing.RESTING: "✓",
    Standing.ENDED: "✕",
    Standing.DISCONNECTED: "○",
}
TROUBLED = "!"

_in_doubt = Q(sent_generation=F("generation"))
_held_back = Q(refused_generation=F("generation"))
_not_under_way = Q(lease_until=None) | Q(lease_until__lte=DatabaseNow())

STANDING = Case(
    When(status=BufferLink.Status.REVOKED, then=Value(Standing.ENDED)),
    When(status=BufferLink.Status.DISCONNECTED, then=Value(Standing.DISCONNECTED)),
    When(_held_back, then=Value(Standing.HELD_BACK)),
    When(_in_doubt & _not_under_way, then=Value(Standing.DOUBTFUL)),
    When(failures__gt=0, then=Value(Standing.FAILING)),
    When(~Q(last_error=""), then=Value(Standing.BLOCKED)),
    When(kind=BufferLink.Kind.OAUTH, refresh_due_at=None, then=Value(Standing.FADING)),
    When(
        expires_at__lte=DatabaseNow(),
        refresh_due_at__gt=DatabaseNow(),
        then=Value(Standing.RESTING),
    ),
    default=Value(Standing.CONNECTED),
)

# Whether a link that is due is not refreshed yet.
WAITS = Case(
    When(_in_doubt | _held_back | Q(next_attempt_at__gt=DatabaseNow()), then=Value(True)),
    default=Value(False),
)

WHY: dict[Standing, Words] = {
    Standing.RESTING: _(
        "Nobody needs an access token at present: the next call fetches one, or else the sweep "
        "at the next attempt."
    ),
    Standing.FADING: _("There is no refresh token: it ends with its access token."),
    Standing.FAILING: _("Refreshes that failed in a row: %(failures)s. The last said: %(error)s."),
    Standing.DOUBTFUL: _(
        "The answer to a refresh was lost (%(error)s). The access token serves on "
        "while it lives; the refresh is repeated when that can do no harm."
    ),
    Standing.HELD_BACK: _(
        "Buffer refused it together with many others. Whether it ends is still open; the access "
        "token serves on."
    ),
    Standing.BLOCKED: _("Its tokens do not open (%(error)s), so nothing is sent."),
}
IN_SHORT: dict[Standing, Words] = {
    Standing.RESTING: _("until the next call"),
    Standing.FADING: _("no refresh token"),
    Standing.FAILING: _("%(failures)s in a row: %(error)s"),
    Standing.DOUBTFUL: _("an answer was lost: %(error)s"),
    Standing.HELD_BACK: _("refused with many others"),
    Standing.BLOCKED: _("nothing is sent: %(error)s"),
}


def badge(standing: str) -> SafeString:
    """Return `standing` as text with a mark; the stylesheet adds shape and colour."""
    state = Standing(standing)
    return format_html(
        '<span class="buffer-badge buffer-badge-{}"><span aria-hidden="true">{}</span> {}</span>',
        state.value,
        MARKS.get(state, TROUBLED),
        state.label,
    )


def why(link: BufferLink, standing: str) -> str:
    """Return what there is to know about a link that does not fare well."""
    if standing == Standing.ENDED:
        return str(wording.REASONS.get(link.reason, ""))
    return _filled(WHY, link, standing)


def why_in_short(link: BufferLink, standing: str) -> str:
    """Return the same in a few words, for a list."""
    if standing == Standing.ENDED:
        return str(link.get_reason_display())
    return _filled(IN_SHORT, link, standing)


def _filled(texts: Mapping[Standing, Words], link: BufferLink, standing: str) -> str:
    facts = {"failures": link.failures, "error": link.last_error or _("no answer")}
    return str(texts.get(Standing(standing), "")) % facts


def expiry(link: BufferLink) -> datetime | None:
    """Return when the access token of `link` ends; None where there is none any more."""
    return link.expires_at if link.is_active or link.is_checkable else None


def next_attempt(link: BufferLink) -> datetime | None:
    """Return when the next sweep may refresh `link`; None when no sweep will."""
    if not link.is_active or link.is_held_back or link.refresh_due_at is None:
        return None
    moments = (link.refresh_due_at, not_sent_before(link))
    return max(moment for moment in moments if moment is not None)


class RefreshingFilter(admin.SimpleListFilter):
    """The active links, by how their refreshing goes."""

    title = _("refreshing")
    parameter_name = "refreshing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(each.value, REFRESHING.get(each, each.label)) for each in ACTIVE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        if self.value() is None:
            return queryset
        # The status is in an index; the standing that follows from it cannot be.
        return queryset.filter(status=BufferLink.Status.ACTIVE, standing=self.value())


ACTIVE = [each for each in Standing if each not in {Standing.ENDED, Standing.DISCONNECTED}]
# The filter by status has a choice of that name, which finds all that are active.
REFRESHING: dict[Standing, Words] = {Standing.CONNECTED: _("goes well")}
