"""The user and the browser session to which an authorization request is bound (RFC 9700 section 4.7)."""

import hashlib
import secrets
from typing import Any

from django.http import HttpRequest

NONCE = "buffer_connect_nonce"


class Browser:
    """Whoever is at the other end of `request`.

    The session is told by a nonce in it, not by its key: logging in changes the key, and logging
    out drops the nonce.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @property
    def user(self) -> Any:
        return self.request.user

    @property
    def is_signed_in(self) -> bool:
        # A site's backend may let users in whom it has disabled.
        return bool(self.user.is_authenticated and self.user.is_active)

    @property
    def session_hash(self) -> str:
        """The hash of the session's nonce; of nothing's when the session has none."""
        return hashlib.sha256(self.request.session.get(NONCE, "").encode()).hexdigest()

    def mark(self) -> None:
        """Give the session its nonce, before several tabs can begin at once."""
        if NONCE not in self.request.session:
            self.request.session[NONCE] = secrets.token_urlsafe(32)
