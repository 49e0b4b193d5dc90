"""What a user granted at Buffer, or pasted here, before it is a link."""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from buffer_connect.graphql import Account
from buffer_connect.sealing import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """For whose account, which tokens, and how many seconds they live from `sent_at` (monotonic).

    `life` is None for an API key, which is an access token without an end, and without scopes.
    `epoch` is that of the link which it becomes.
    """

    account: Account
    access_token: Secret = field(repr=False)
    refresh_token: Secret | None = field(repr=False)
    scopes: tuple[str, ...]
    life: int | None
    sent_at: float
    epoch: UUID = field(default_factory=uuid4)

    @property
    def is_api_key(self) -> bool:
        """Whether it is a key that was pasted."""
        return self.life is None
