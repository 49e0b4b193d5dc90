"""A link as its user sees it: how it stands, and what the user can do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from buffer_connect import wording
from buffer_connect.exceptions import LinkRevoked, MissingScope
from buffer_connect.flows.choice import links_of
from buffer_connect.models import BufferLink
from buffer_connect.models.link import BufferLinkQuerySet
from buffer_connect.wording import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One link of the user's own. `why` is empty while it has not ended."""

    link: BufferLink
    why: Words
    scopes: list[Words]

    @property
    def ends(self) -> bool:
        """Whether it ends by itself, with its access token."""
        is_refreshed = self.link.refresh_token is not None
        return self.link.is_active and not is_refreshed and not self.link.is_api_key

    @property
    def can_reconnect(self) -> bool:
        """Whether connecting again would change anything for the better, and no key does so."""
        is_over = bool(self.why) or self.ends or not self.link.is_ours
        return is_over and not self.can_replace

    @property
    def can_replace(self) -> bool:
        """Whether another API key may be put into its place."""
        return self.link.is_replaceable

    @property
    def can_check(self) -> bool:
        """Whether trying it again may bring it back."""
        return self.link.is_checkable and self.link.is_ours

    @property
    def can_disconnect(self) -> bool:
        """Whether it can be ended, or removed, from here."""
        return self.link.is_ours


def cards_of(user: Any) -> list[Card]:
    """Return a card for each link of `user` but the disconnected ones, oldest first; one query."""
    return [
        Card(
            link=link,
            why=wording.REASONS.get(link.reason, ""),
            scopes=wording.allowed(link),
        )
        for link in _kept(user).order_by("pk")
    ]


def concern_of(user: Any, scopes: Iterable[str]) -> LinkRevoked | MissingScope | None:
    """Return what `user` should be told about the links unasked, or None; one query.

    That is the last link that ended, if one did; else that no link was granted all of `scopes`.
    Links of another instance of the site are passed over, and of an account that a key and a
    connection stand for, the one that ended while the other goes on.
    """
    links = [link for link in _kept(user).order_by("status_changed_at", "pk") if link.is_ours]
    active = [link for link in links if link.is_active]
    at_hand = {link.account_key for link in active}
    if ended := [link for link in links if link.account_key not in at_hand]:
        return LinkRevoked(ended[-1], ended[-1].reason)
    missing = [link.missing_scopes(scopes) for link in active]
    return MissingScope(active[-1], missing[-1]) if missing and all(missing) else None


def _kept(user: Any) -> BufferLinkQuerySet:
    return links_of(user).exclude(status=BufferLink.Status.DISCONNECTED)
