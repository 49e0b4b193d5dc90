"""What all endpoints of one sandbox share."""

from dataclasses import dataclass
from hmac import compare_digest

from buffer_connect.sandbox.clock import Clock
from buffer_connect.sandbox.grants import GrantTable
from buffer_connect.sandbox.limits import Quotas
from buffer_connect.sandbox.messages import OAuthError, Request, single_values
from buffer_connect.sandbox.options import Options


@dataclass(kw_only=True)
class State:
    """The server's memory and its settings."""

    options: Options
    issuer: str
    table: GrantTable
    quotas: Quotas
    clock: Clock

    def now(self) -> float:
        """Return the sandbox's time, in seconds since the epoch."""
        return self.clock.now()

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
