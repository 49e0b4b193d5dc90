"""What a user granted at Buffer, before it is a link."""

from dataclasses import dataclass, field

from buffer_connect.graphql import Account
from buffer_connect.sealing import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """For whose account, which tokens, and how many seconds they live from `sent_at` (monotonic)."""

    account: Account
    access_token: Secret = field(repr=False)
    refresh_token: Secret | None = field(repr=False)
    scopes: tuple[str, ...]
    life: int
    sent_at: float
