"""What the site does when the package tells it something: one line in the page's timeline."""

from typing import Any
from uuid import UUID

from buffer_connect import signals
from buffer_connect.models import BufferLink
from example_project.models import Line


def connect() -> None:
    """Listen; called once, when the app is ready."""
    signals.link_connected.connect(note_connected)
    signals.link_refreshed.connect(note_refreshed)
    signals.link_refresh_failed.connect(note_refresh_failed)
    signals.link_revoked.connect(note_revoked)
    signals.link_disconnected.connect(note_disconnected)


def note_connected(link: BufferLink, created: bool, event_id: UUID, **kwargs: Any) -> None:
    """A real site might greet its user here."""
    _note(link, "Connected" if created else "Connected again", event_id=event_id)


def note_refreshed(link: BufferLink, **kwargs: Any) -> None:
    """A real site needs no such receiver; the demo shows that refreshes happen."""
    _note(link, f"Refreshed: generation {link.generation}")


def note_refresh_failed(link: BufferLink, error: str, **kwargs: Any) -> None:
    """A real site might count these."""
    _note(link, f"A refresh failed ({error}); the link lives on", is_bad=True)


def note_revoked(link: BufferLink, reason: str, event_id: UUID, **kwargs: Any) -> None:
    """A real site would write its user an e-mail here."""
    text = f"Ended: {BufferLink.Reason(reason).label} ({reason})"
    _note(link, text, event_id=event_id, is_bad=True)


def note_disconnected(
    link: BufferLink, revoked_at_buffer: bool | None, event_id: UUID, **kwargs: Any
) -> None:
    """A real site would stop here what it does for the account."""
    text = "Disconnected, and revoked at Buffer" if revoked_at_buffer else "Disconnected"
    _note(link, text, event_id=event_id)


def _note(link: BufferLink, text: str, **facts: Any) -> None:
    told = {"user_id": link.user_id, "card": Line.Card.PACKAGE, "link_uid": link.uid}
    told |= {"text": text, **facts}
    # The same event may be told twice; it is one line.
    if event_id := facts.get("event_id"):
        Line.objects.get_or_create(event_id=event_id, defaults=told)
    else:
        Line.objects.create(**told)
