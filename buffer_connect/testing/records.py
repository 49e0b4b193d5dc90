"""What reached the fake Buffer. No token is in any of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from buffer_connect.models import BufferLink


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """One request of the site, and how it was answered.

    `endpoint` is `api`, `token`, `revocation` or `introspection`; `query` and `variables` are
    those of GraphQL. `link` is the link whose token it carried, `status` None where the answer was
    lost.
    """

    endpoint: str
    link: BufferLink | None
    query: str
    variables: Mapping[str, Any]
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post that the site made. `given` is all that it said: the mutation's input."""

    link: BufferLink | None
    text: str
    channel_id: str
    given: Mapping[str, Any]

    @property
    def user(self) -> Any:
        """Return the user in whose name it was made."""
        return self.link and self.link.user
