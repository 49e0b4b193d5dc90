"""What a sandbox can be told when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret-for-this-machine-only"  # noqa: S105 — published on purpose, opens nothing
SCOPES = (
    "account:read",
    "account:write",
    "posts:read",
    "posts:write",
    "ideas:read",
    "ideas:write",
    "insights:read",
    "engagements:read",
    "engagements:write",
    "offline_access",
)
USUAL_SCOPES = ("account:read", "posts:read", "posts:write", "offline_access")
FORTNIGHT = timedelta(days=14).total_seconds()
QUOTAS = {"15m": (900, 100), "24h": (86_400, 500), "30d": (2_592_000, 15_000)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings of one sandbox. Lives and latency are seconds."""

    client_id: str = CLIENT_ID
    client_secret: str = field(default=CLIENT_SECRET, repr=False)
    public_client: bool = False
    # Empty: every http(s) URI of this machine, and of Django's test client, is registered.
    redirect_uris: tuple[str, ...] = ()
    accounts: int = 3
    access_life: int = 3600
    code_life: float = 30
    refresh_life: float = FORTNIGHT
    grant_life: float = FORTNIGHT
    # What a refresh gives back: a new token, the same one, or none.
    rotation: Literal["new", "same", "absent"] = "new"
    # Two authorizations of one account from one browser session get one grant.
    shared_grants: bool = False
    latency: float = 0.0
    # Window name -> (seconds, requests) for each account; without enforcement they only show in headers.
    quotas: Mapping[str, tuple[int, int]] = field(default_factory=lambda: dict(QUOTAS))
    enforce_quotas: bool = False
    # How headers tell of them: today's structured fields for each window, or one of the older forms for the tightest.
    quota_headers: Literal["structured", "RateLimit", "X-RateLimit"] = "structured"
    keep_requests: int = 20_000
