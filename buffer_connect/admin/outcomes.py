"""What can come of an action on one link, and what staff are told of many."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from buffer_connect.wording import Words


class Outcome(Enum):
    # Refresh now: wanted; wanted, but it has to wait; was due already; has no way to be refreshed.
    SCHEDULED = auto()
    WAITS = auto()
    DUE_ALREADY = auto()
    NOT_REFRESHABLE = auto()

    # Check again: it is back; it is not; nobody knows; its tokens do not open; another link.
    RESTORED = auto()
    STILL_ENDED = auto()
    NOT_CHECKED = auto()
    UNREADABLE = auto()
    NOT_CHECKABLE = auto()

    # Disconnect: Buffer knows; it does not know yet; there was nothing to tell; its token does
    # not open, so nobody can tell; it changed again and again; it was disconnected before.
    REVOKED = auto()
    OWED = auto()
    NOTHING_TO_REVOKE = auto()
    LOST = auto()
    CHANGING = auto()
    NOT_CONNECTED = auto()

    # Left alone: it belongs to another instance of the site.
    ELSEWHERE = auto()

    # Time was up before its turn.
    LEFT = auto()


# What the log of a link says; the others are not acted on.
LOGGED: Mapping[Outcome, Words] = {
    Outcome.SCHEDULED: _("Refresh now: scheduled."),
    Outcome.DUE_ALREADY: _("Refresh now: due already."),
    Outcome.RESTORED: _("Check again: connected."),
    Outcome.STILL_ENDED: _("Check again: still ended."),
    Outcome.NOT_CHECKED: _("Check again: no answer from Buffer."),
    Outcome.UNREADABLE: _("Check again: its tokens do not open."),
    Outcome.REVOKED: _("Disconnect: revoked at Buffer."),
    Outcome.OWED: _("Disconnect: Buffer is still to be told."),
    Outcome.NOTHING_TO_REVOKE: _("Disconnect: nothing to revoke."),
    Outcome.LOST: _("Disconnect: its token does not open, so Buffer cannot be told."),
    Outcome.CHANGING: _("Disconnect: it changed meanwhile, nothing done."),
    Outcome.ELSEWHERE: _("Left alone: it belongs to another instance of the site."),
}

# In the order in which they are told.
TOLD: Mapping[Outcome, tuple[int, Any]] = {
    Outcome.SCHEDULED: (
        messages.SUCCESS,
        ngettext_lazy(
            "%(count)d link will be refreshed by the next sweep.",
            "%(count)d links will be refreshed by the next sweep.",
            "count",
        ),
    ),
    Outcome.WAITS: (
        messages.INFO,
        ngettext_lazy(
            "%(count)d link is wanted, but has to wait; “next attempt” says until when.",
            "%(count)d links are wanted, but have to wait; “next attempt” says until when.",
            "count",
        ),
    ),
    Outcome.DUE_ALREADY: (
        messages.INFO,
        ngettext_lazy(
            "%(count)d link was due already; “next attempt” says since when, or until when it has "
            "to wait.",
            "%(count)d links were due already; “next attempt” says since when, or until when they "
            "have to wait.",
            "count",
        ),
    ),
    Outcome.NOT_REFRESHABLE: (
        messages.WARNING,
        ngettext_lazy(
            "%(count)d link is left out: it has ended, or has nothing to refresh it with.",
            "%(count)d links are left out: they have ended, or have nothing to refresh them with.",
            "count",
        ),
    ),
    Outcome.RESTORED: (
        messages.SUCCESS,
        ngettext_lazy(
            "Buffer accepts %(count)d link again.", "Buffer accepts %(count)d links again.", "count"
        ),
    ),
    Outcome.STILL_ENDED: (
        messages.WARNING,
        ngettext_lazy(
            "Buffer does not accept %(count)d link; only its user can reconnect it.",
            "Buffer does not accept %(count)d links; only their users can reconnect them.",
            "count",
        ),
    ),
    Outcome.NOT_CHECKED: (
        messages.ERROR,
        ngettext_lazy(
            "Buffer gave no answer about %(count)d link. Check again in a few minutes.",
            "Buffer gave no answer about %(count)d links. Check again in a few minutes.",
            "count",
        ),
    ),
    Outcome.UNREADABLE: (
        messages.ERROR,
        ngettext_lazy(
            "The tokens of %(count)d link do not open: see ENCRYPTION_KEYS.",
            "The tokens of %(count)d links do not open: see ENCRYPTION_KEYS.",
            "count",
        ),
    ),
    Outcome.NOT_CHECKABLE: (
        messages.WARNING,
        ngettext_lazy(
            "%(count)d link is left out: only what Buffer's API refused can be checked again.",
            "%(count)d links are left out: only what Buffer's API refused can be checked again.",
            "count",
        ),
    ),
    Outcome.REVOKED: (
        messages.SUCCESS,
        ngettext_lazy(
            "%(count)d link is disconnected, and Buffer has withdrawn its permission.",
            "%(count)d links are disconnected, and Buffer has withdrawn their permissions.",
            "count",
        ),
    ),
    Outcome.OWED: (
        messages.WARNING,
        ngettext_lazy(
            "%(count)d link is disconnected here. Buffer has not confirmed it; the sweeps try on.",
            "%(count)d links are disconnected here. Buffer has not confirmed it; the sweeps try on.",
            "count",
        ),
    ),
    Outcome.NOTHING_TO_REVOKE: (
        messages.SUCCESS,
        ngettext_lazy(
            "%(count)d link is disconnected here; there was nothing to revoke at Buffer.",
            "%(count)d links are disconnected here; there was nothing to revoke at Buffer.",
            "count",
        ),
    ),
    Outcome.LOST: (
        messages.ERROR,
        ngettext_lazy(
            "The token of %(count)d link does not open, so Buffer cannot be told that it has "
            "ended here. Its user can remove this site in the settings at Buffer.",
            "The tokens of %(count)d links do not open, so Buffer cannot be told that they have "
            "ended here. Their users can remove this site in the settings at Buffer.",
            "count",
        ),
    ),
    Outcome.CHANGING: (
        messages.ERROR,
        ngettext_lazy(
            "%(count)d link changed meanwhile and is as it was. Choose it again.",
            "%(count)d links changed meanwhile and are as they were. Choose them again.",
            "count",
        ),
    ),
    Outcome.NOT_CONNECTED: (
        messages.WARNING,
        ngettext_lazy(
            "%(count)d link is left out: it is disconnected already.",
            "%(count)d links are left out: they are disconnected already.",
            "count",
        ),
    ),
    Outcome.ELSEWHERE: (
        messages.WARNING,
        ngettext_lazy(
            "%(count)d link is left alone: it belongs to another instance of the site (INSTANCE).",
            "%(count)d links are left alone: they belong to another instance of the site "
            "(INSTANCE).",
            "count",
        ),
    ),
    Outcome.LEFT: (
        messages.WARNING,
        ngettext_lazy(
            "%(count)d link is as it was, since it took too long. Choose it again.",
            "%(count)d links are as they were, since it took too long. Choose them again.",
            "count",
        ),
    ),
}


def told(outcome: Outcome, count: int) -> str:
    """Return what is said of `count` links of one outcome; nothing of none."""
    return str(TOLD[outcome][1] % {"count": count}) if count else ""


def tell(request: HttpRequest, outcomes: Mapping[Outcome, int]) -> None:
    """Leave a message for each outcome that there was."""
    for outcome, (level, _text) in TOLD.items():
        if text := told(outcome, outcomes.get(outcome, 0)):
            messages.add_message(request, level, text)
