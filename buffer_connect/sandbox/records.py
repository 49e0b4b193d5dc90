"""What the grant table holds. Times are seconds since the epoch on the sandbox's clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class End(StrEnum):
    """Why a grant ended."""

    PERSON = "person"  # removed at the server, by its owner
    REUSE = "reuse"  # a consumed refresh token came again
    CODE_REPLAY = "code_replay"  # a consumed authorization code came again
    CLIENT = "client"  # the client revoked it (RFC 7009)


@dataclass(slots=True, kw_only=True)
class RefreshToken:
    """One generation of a refresh token."""

    value: str = field(repr=False)
    grant_id: str
    scopes: tuple[str, ...]
    generation: int  # from 1, counted within the authorization that it descends from
    authorization: int  # from 1, counted within the grant; more than one only in a shared grant
    issued_at: float
    expires_at: float
    consumed_at: float | None = None
    requests: int = 0  # token requests that carried it, whatever came of them
    uses: int = 0  # those of them that reached the grant table


@dataclass(slots=True, kw_only=True)
class AccessToken:
    """One access token; it outlives the rotation of its refresh token, not its grant."""

    value: str = field(repr=False)
    grant_id: str
    scopes: tuple[str, ...]
    issued_at: float
    expires_at: float


@dataclass(slots=True, kw_only=True)
class Code:
    """One authorization code."""

    value: str = field(repr=False)
    grant_id: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    expires_at: float
    consumed_at: float | None = None


@dataclass(slots=True, kw_only=True)
class Grant:
    """What one account has allowed, and everything that was issued on it, oldest first."""

    id: str
    account: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float
    authorizations: int = 0
    refresh_tokens: list[RefreshToken] = field(default_factory=list)
    access_tokens: list[AccessToken] = field(default_factory=list)
    revoked_at: float | None = None
    revoked_by: End | None = None

    @property
    def revoked(self) -> bool:
        """Tell whether the grant has ended before its time."""
        return self.revoked_at is not None

    @property
    def reuse_detected(self) -> bool:
        """Tell whether a second use of a refresh token ended it."""
        return self.revoked_by is End.REUSE

    @property
    def current_refresh_token(self) -> str | None:
        """Return the newest refresh token that is not consumed; None when the grant is revoked."""
        if self.revoked:
            return None
        unused = [token.value for token in self.refresh_tokens if token.consumed_at is None]
        return unused[-1] if unused else None

    def snapshot(self) -> "Grant":
        """Return a copy that later requests do not change."""
        return replace(
            self,
            refresh_tokens=[replace(token) for token in self.refresh_tokens],
            access_tokens=[replace(token) for token in self.access_tokens],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    """What a token response carries."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_in: int
    scopes: tuple[str, ...]
    grant_id: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post, as it was asked for: `given` is the mutation's input; an API key's id may be `grant_id`."""

    id: str
    grant_id: str
    account: str
    at: float
    given: Mapping[str, Any]

    @property
    def text(self) -> str:
        """What is posted."""
        return str(self.given["text"])

    @property
    def channel(self) -> str:
        """The id of the channel that it goes to."""
        return str(self.given["channelId"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a person has agreed to on the consent page."""

    account: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    session: str = ""
