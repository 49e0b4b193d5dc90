"""What the page shows of each link: what the site knows, what is stored, what is true at Buffer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests
from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from buffer_connect.models import BufferLink, LinkEvent
from buffer_connect.wording import REASONS
from example_project import sandbox_control, trouble
from example_project.models import Line, UsualLink

LINES = 12
ENDINGS = {
    "person": "its owner removed the site",
    "reuse": "a used refresh token came a second time",
    "code_replay": "a used authorization code came a second time",
    "client": "the site revoked it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the sandbox knows of a link's grant; `is_alive` None: it knows nothing."""

    is_alive: bool | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One link on the page. `tone` is good, doubt, bad or none."""

    id: str
    status: str
    tone: str
    note: str = ""
    truth: Truth = field(default_factory=Truth)
    stored: str = ""
    lines: list[Any] = field(default_factory=list)
    link: BufferLink | None = None
    connect_url: str = ""
    admin_url: str = ""


def cards(user: User) -> dict[str, Any]:
    """Return the page's context for `user`."""
    truths = _truths(user)
    return {
        "package": _package_card(user, truths),
        "usual": [_usual_card(link, truths) for link in trouble.usual_links(user)],
        "uses_sandbox": sandbox_control.is_used(),
        "buffer_url": settings.BUFFER_CONNECT.get("ISSUER"),
    }


def _package_card(user: User, truths: dict[str, Truth]) -> Card:
    link = trouble.package_link(user)
    if link is None:
        return Card(
            id="package", status="Not connected", tone="none", connect_url=_connect_url(None)
        )
    status, tone, note = _status(link)
    return Card(
        id="package",
        status=status,
        tone=tone,
        note=note,
        truth=truths.get(Line.Card.PACKAGE, Truth()),
        stored=_sealed(link.refresh_token),
        lines=_package_lines(link),
        link=link,
        connect_url=_connect_url(link),
        admin_url=reverse("admin:buffer_connect_bufferlink_change", args=[link.pk]),
    )


def _status(link: BufferLink) -> tuple[str, str, str]:
    if not link.is_active:
        return f"Ended: {link.get_reason_display()}", "bad", str(REASONS.get(link.reason, ""))
    until = f"{link.expires_at:%H:%M:%S}"
    if link.in_doubt:
        note = f"An answer was lost. The access token serves on until {until}; only then is the refresh token sent again."
        return "Connected, in doubt", "doubt", note
    due = f"{link.refresh_due_at:%H:%M:%S}" if link.refresh_due_at else "never"
    return "Connected", "good", f"Access token until {until}, refreshed from {due} on."


def _usual_card(link: UsualLink, truths: dict[str, Truth]) -> Card:
    over = " (over; refreshed at its next use)" if link.expires_at <= timezone.now() else ""
    card = trouble.card_of(link)
    return Card(
        id=card,
        status="Connected",
        tone="good",
        note=f"Access token until {link.expires_at:%H:%M:%S}{over}.",
        truth=truths.get(card, Truth()),
        stored=_shortened(link.refresh_token),
        lines=list(Line.objects.filter(user=link.user, card=card)[:LINES]),
    )


def _package_lines(link: BufferLink) -> list[Any]:
    """What the signals told, and the event that none tells of."""
    told = list(Line.objects.filter(link_uid=link.uid)[:LINES])
    events = LinkEvent.objects.filter(link=link, kind=LinkEvent.Kind.RESENT).order_by("-pk")
    untold = [
        Line(text="Sent the refresh token again", at=event.created_at, is_bad=True)
        for event in events[:LINES]
    ]
    return sorted([*told, *untold], key=lambda line: line.at, reverse=True)[:LINES]


def _truths(user: User) -> dict[str, Truth]:
    if not sandbox_control.is_used():
        return {}
    try:
        grants = trouble.grants(user)
    except requests.RequestException:
        return {}
    return {card: _truth(grant) for card, grant in grants.items()}


def _truth(grant: dict[str, Any]) -> Truth:
    tokens = grant["refresh_tokens"]
    twice = sum(token["uses"] > 1 for token in tokens)
    counted = f"{len(tokens)} refresh tokens issued, {twice} sent twice"
    if grant["revoked_at"] is None:
        return Truth(is_alive=True, text=f"alive; {counted}")
    at = datetime.fromtimestamp(grant["revoked_at"], UTC)
    why = ENDINGS.get(grant["revoked_by"], grant["revoked_by"])
    return Truth(is_alive=False, text=f"ended at {at:%H:%M:%S}: {why}; {counted}")


def _sealed(blob: bytes | memoryview | None) -> str:
    if blob is None:
        return "nothing: tokens of an ended link are wiped"
    return f"{bytes(blob)[:20].hex(' ', 2)} … ({len(blob)} bytes)"


def _shortened(token: str) -> str:
    return f"{token[:12]}…{token[-4:]} ({len(token)} characters, readable)"


def _connect_url(link: BufferLink | None) -> str:
    query = {"next": reverse("page"), **({"link": str(link.uid)} if link else {})}
    return f"{reverse('buffer_connect:connect')}?{urlencode(query)}"
