"""What all endpoints of one sandbox share."""

import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

from buffer_connect.sandbox.clock import Clock
from buffer_connect.sandbox.grants import GrantTable
from buffer_connect.sandbox.keys import KeyTable
from buffer_connect.sandbox.limits import Quotas
from buffer_connect.sandbox.messages import OAuthError, Request, single_values
from buffer_connect.sandbox.options import Options
from buffer_connect.sandbox.records import Post

KEPT_POSTS = 1000


@dataclass(kw_only=True)
class State:
    """The server's memory and its settings."""

    options: Options
    issuer: str
    table: GrantTable
    keys: KeyTable
    quotas: Quotas
    clock: Clock
    # Oldest first.
    posts: deque[Post] = field(default_factory=lambda: deque(maxlen=KEPT_POSTS))

    def now(self) -> float:
        """Return the sandbox's time, in seconds since the epoch."""
        return self.clock.now()

    def origin_of(self, token: str) -> str | None:
        """Return the id of the grant, or of the API key, that a token or code is of, dead or alive."""
        return self.table.grant_id_of(token) or self.keys.id_of(token)

    def post(self, account: str, grant_id: str, given: Mapping[str, Any]) -> Post:
        """Add a post; `given` is a `CreatePostInput`."""
        made = Post(
            id=uuid.uuid4().hex,
            grant_id=grant_id,
            account=account,
            at=self.now(),
            given=dict(given),
        )
        self.posts.append(made)
        return made

    @property
    def accounts(self) -> list[str]:
        """The accounts that the consent page offers."""
        return [f"account-{number}" for number in range(1, self.options.accounts + 1)]


def authenticated_params(request: Request, state: State) -> dict[str, str]:
    """Return the form's parameters once the client has shown who it is (RFC 6749 section 2.3).

    Raises OAuthError as `oidc-provider` does: 400 for two methods at once, 401 for the wrong one.
    """
    params = single_values(request.form)
    if request.headers.get("Authorization") and (
        "client_id" in params or "client_secret" in params
    ):
        raise OAuthError(
            400,
            "invalid_request",
            "client authentication must only be provided using one mechanism",
        )
    if "client_id" not in params and not request.headers.get("Authorization"):
        raise OAuthError(400, "invalid_request", "no client authentication mechanism provided")
    if not _is_client(params, state.options):
        raise OAuthError(401, "invalid_client", "client authentication failed")
    return params


def _is_client(params: dict[str, str], options: Options) -> bool:
    if params.get("client_id") != options.client_id:
        return False
    if options.public_client:
        return "client_secret" not in params
    return compare_digest(params.get("client_secret", "").encode(), options.client_secret.encode())
