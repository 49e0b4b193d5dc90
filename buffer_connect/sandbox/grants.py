"""The authorization server's grant table, with the semantics of Buffer's rotation.

Refresh tokens are single use and a second use ends the grant; a consumed token stays in the table, so that a replay is
recognized. Every public method is atomic under one lock, and none waits for anything.
"""

import threading
import uuid
from collections.abc import Callable, Collection

from buffer_connect.sandbox.minting import new_access_token, new_code, new_refresh_token
from buffer_connect.sandbox.options import Options
from buffer_connect.sandbox.records import (
    AccessToken,
    Code,
    Consent,
    End,
    Grant,
    IssuedTokens,
    RefreshToken,
)


class InvalidGrant(Exception):
    """A code or refresh token was refused; the cause stays here and never goes over the wire."""


class InvalidScope(Exception):
    """A refresh asked for more than was granted; nothing was consumed."""


class GrantTable:
    """Grants, codes and tokens of one server, in memory."""

    def __init__(self, options: Options, now: Callable[[], float]) -> None:
        self._options = options
        self._now = now
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}
        self._codes: dict[str, Code] = {}
        self._refresh_tokens: dict[str, RefreshToken] = {}
        self._access_tokens: dict[str, AccessToken] = {}
        self._sessions: dict[tuple[str, str], str] = {}

    def authorize(self, consent: Consent) -> str:
        """Return an authorization code for what the person agreed to."""
        with self._lock:
            grant = self._shared_grant(consent) or self._open_grant(consent.account)
            grant.scopes = tuple(dict.fromkeys((*grant.scopes, *consent.scopes)))
            if consent.session:
                self._sessions[consent.session, consent.account] = grant.id
            code = Code(
                value=new_code(),
                grant_id=grant.id,
                scopes=consent.scopes,
                redirect_uri=consent.redirect_uri,
                challenge=consent.challenge,
                expires_at=self._now() + self._options.code_life,
            )
            self._codes[code.value] = code
            return code.value

    def issue(self, account: str, scopes: Collection[str]) -> IssuedTokens:
        """Make a grant and its first tokens at once, without an authorization request."""
        with self._lock:
            grant = self._open_grant(account)
            grant.scopes = tuple(scopes)
            return self._first_tokens(grant, grant.scopes)

    def exchange(self, *, code: str, redirect_uri: str, challenge: str) -> IssuedTokens:
        """Spend an authorization code; `challenge` is the S256 transform of the verifier that came with it."""
        with self._lock:
            held = self._codes.get(code)
            if held is None or self._now() >= held.expires_at:
                raise InvalidGrant("unknown or expired code")
            grant = self._live_grant(held.grant_id)
            if (challenge, redirect_uri) != (held.challenge, held.redirect_uri):
                raise InvalidGrant("wrong code verifier or redirect URI")
            if held.consumed_at is not None:
                self._end(grant, End.CODE_REPLAY)
                raise InvalidGrant("code already consumed")
            held.consumed_at = self._now()
            return self._first_tokens(grant, held.scopes)

    def refresh(self, value: str, *, asked: Collection[str] = ()) -> IssuedTokens:
        """Consume a refresh token and return its successors; `asked` are the scopes named in the request."""
        with self._lock:
            token = self._refresh_tokens.get(value)
            if token is None:
                raise InvalidGrant("unknown refresh token")
            token.uses += 1
            if self._now() >= token.expires_at:
                raise InvalidGrant("expired refresh token")
            grant = self._live_grant(token.grant_id)
            if not set(asked) <= set(token.scopes):
                raise InvalidScope
            if token.consumed_at is not None:
                self._end(grant, End.REUSE)
                raise InvalidGrant("refresh token already consumed")
            return self._rotate(grant, token)

    def note_request(self, value: str) -> None:
        """Count a token request that carries this refresh token, before anything else happens to it."""
        with self._lock:
            token = self._refresh_tokens.get(value)
            if token is not None:
                token.requests += 1

    def bearer(self, value: str) -> tuple[str, tuple[str, ...]] | None:
        """Return account and scopes of an access token that is good now."""
        with self._lock:
            token = self._access_tokens.get(value)
            if (
                token is None
                or self._now() >= token.expires_at
                or not self._is_live(token.grant_id)
            ):
                return None
            return self._grants[token.grant_id].account, token.scopes

    def active_refresh_token(self, value: str) -> RefreshToken | None:
        """Return a refresh token that would be accepted now. Looking changes nothing."""
        with self._lock:
            token = self._refresh_tokens.get(value)
            if token is None or token.consumed_at is not None or self._now() >= token.expires_at:
                return None
            return token if self._is_live(token.grant_id) else None

    def grant_id_of(self, value: str) -> str | None:
        """Return the grant that a code, refresh token or access token belongs to, dead or alive."""
        with self._lock:
            held = (
                self._refresh_tokens.get(value)
                or self._access_tokens.get(value)
                or self._codes.get(value)
            )
            return held.grant_id if held else None

    def revoke(self, grant_id: str, by: End = End.PERSON) -> bool:
        """End a grant and all its tokens; return False when it is unknown or has ended before."""
        with self._lock:
            grant = self._grants.get(grant_id)
            if grant is None or grant.revoked:
                return False
            self._end(grant, by)
            return True

    def replay(self, grant_id: str) -> bool:
        """Use the newest consumed refresh token of a grant again; return False when there is none."""
        with self._lock:
            grant = self._grants[grant_id]
            if grant.revoked or all(token.consumed_at is None for token in grant.refresh_tokens):
                return False
            self._end(grant, End.REUSE)
            return True

    def snapshot(self) -> list[Grant]:
        """Return copies of all grants, oldest first."""
        with self._lock:
            return [grant.snapshot() for grant in self._grants.values()]

    def grant(self, grant_id: str) -> Grant:
        """Return a copy of one grant; raises KeyError."""
        with self._lock:
            return self._grants[grant_id].snapshot()

    def _shared_grant(self, consent: Consent) -> Grant | None:
        grant_id = self._sessions.get((consent.session, consent.account), "")
        if not (self._options.shared_grants and consent.session and self._is_live(grant_id)):
            return None
        return self._grants[grant_id]

    def _open_grant(self, account: str) -> Grant:
        now = self._now()
        grant = Grant(
            id=uuid.uuid4().hex,
            account=account,
            scopes=(),
            created_at=now,
            expires_at=now + self._options.grant_life,
        )
        self._grants[grant.id] = grant
        return grant

    def _is_live(self, grant_id: str) -> bool:
        grant = self._grants.get(grant_id)
        return grant is not None and not grant.revoked and self._now() < grant.expires_at

    def _live_grant(self, grant_id: str) -> Grant:
        if not self._is_live(grant_id):
            raise InvalidGrant("the grant has ended")
        return self._grants[grant_id]

    def _end(self, grant: Grant, by: End) -> None:
        grant.revoked_at, grant.revoked_by = self._now(), by

    def _first_tokens(self, grant: Grant, scopes: tuple[str, ...]) -> IssuedTokens:
        grant.authorizations += 1
        refresh_token = None
        if "offline_access" in scopes:
            refresh_token = self._add_refresh_token(
                grant, scopes, authorization=grant.authorizations, generation=1
            )
        return self._answer(grant, scopes, refresh_token)

    def _rotate(self, grant: Grant, token: RefreshToken) -> IssuedTokens:
        if self._options.rotation != "new":
            token.expires_at = self._now() + self._options.refresh_life
            return self._answer(
                grant, token.scopes, token.value if self._options.rotation == "same" else None
            )
        token.consumed_at = self._now()
        successor = self._add_refresh_token(
            grant, token.scopes, authorization=token.authorization, generation=token.generation + 1
        )
        return self._answer(grant, token.scopes, successor)

    def _add_refresh_token(
        self, grant: Grant, scopes: tuple[str, ...], *, authorization: int, generation: int
    ) -> str:
        now = self._now()
        token = RefreshToken(
            value=new_refresh_token(),
            grant_id=grant.id,
            scopes=scopes,
            authorization=authorization,
            generation=generation,
            issued_at=now,
            expires_at=now + self._options.refresh_life,
        )
        grant.refresh_tokens.append(token)
        self._refresh_tokens[token.value] = token
        return token.value

    def _answer(
        self, grant: Grant, scopes: tuple[str, ...], refresh_token: str | None
    ) -> IssuedTokens:
        self._forget_expired_access_tokens(grant)
        now, life = self._now(), self._options.access_life
        access = AccessToken(
            value=new_access_token(),
            grant_id=grant.id,
            scopes=scopes,
            issued_at=now,
            expires_at=now + life,
        )
        grant.access_tokens.append(access)
        self._access_tokens[access.value] = access
        return IssuedTokens(
            access_token=access.value,
            refresh_token=refresh_token,
            expires_in=life,
            scopes=scopes,
            grant_id=grant.id,
            account=grant.account,
        )

    def _forget_expired_access_tokens(self, grant: Grant) -> None:
        # All lives are equal, so the oldest come first; a demo left running must not grow without end.
        while grant.access_tokens and grant.access_tokens[0].expires_at <= self._now():
            del self._access_tokens[grant.access_tokens.pop(0).value]
