"""The clone guard: what belongs to another instance of the site is neither used nor changed here."""

from buffer_connect.exceptions import TokenUnavailable
from buffer_connect.models import BufferLink


class OfAnotherInstance(TokenUnavailable):
    """Leave the link alone, or let its user reconnect it here."""


def require_ours(link: BufferLink) -> None:
    """Raise `OfAnotherInstance` when `link` belongs to another instance of the site."""
    if not link.is_ours:
        raise OfAnotherInstance(
            "This link belongs to another instance of the site (INSTANCE), so it is not used here."
        )
