"""Calling Buffer as one of the site's users."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Self

from django.views.decorators.debug import sensitive_variables

from buffer_connect import graphql, transport
from buffer_connect.flows import call
from buffer_connect.flows.choice import choose, links_of
from buffer_connect.models import BufferLink
from buffer_connect.models.link import account_key
from buffer_connect.sealing import Secret


class BufferClient:
    """Buffer's API in the name of one link's user. Cheap to make; keep it no longer than a task.

    Safe in any process and thread, inside a transaction or not: a refresh runs beside it, on a
    database connection of its own.
    """

    def __init__(self, link: BufferLink) -> None:
        self.link = link

    def __repr__(self) -> str:
        return f"BufferClient({self.link!r})"

    @classmethod
    def for_user(cls, user: Any, scopes: Iterable[str] = (), account_id: str | None = None) -> Self:
        """Return a client for the one active link of `user` that was granted `scopes`.

        `account_id` chooses among several Buffer accounts. Raises `NotLinked` when none was ever
        linked, `MissingScope` when one is active without the scopes, `LinkRevoked` with the
        newest when all have ended, `AmbiguousLink` when several fit.
        """
        links = links_of(user)
        if account_id is not None:
            links = links.filter(account_key=account_key(account_id))
        return cls(choose(user, links, scopes))

    def execute(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a GraphQL query or mutation and return its data.

        Refreshes first when the access token is about to end, waiting at most
        TIMING["CALL_WAIT"]; one call takes at most TIMING["API"]. Never repeated after a
        time-out, for Buffer knows no idempotency key. Raises `LinkRevoked`, `TokenUnavailable`,
        `BufferUnavailable`, `RateLimited`, `BufferAPIError` or `DecryptionFailed`.
        """
        return call.execute(self.link, graphql.payload(query, variables))

    def get_access_token(self, min_ttl: timedelta = timedelta(seconds=30)) -> str:
        """Return an access token that lives for `min_ttl`, refreshed when it must be.

        A token stored within the last minute is not refreshed again for a longer life. Raises
        `LinkRevoked`, `TokenUnavailable` or `DecryptionFailed`.
        """
        return call.access_token(call.usable(self.link, min_ttl)).reveal()

    @sensitive_variables("access_token")
    def report_unauthorized(self, access_token: str) -> None:
        """Tell that the API answered HTTP 401 to `access_token`, which `get_access_token` gave.

        For sites with their own HTTP. Costs one forced refresh, or none when the link has another
        token by now. Returns when `get_access_token` gives that other one, with which the call
        may be repeated once: what was refused was not run. Raises `LinkRevoked` when the link
        has ended with this, `TokenUnavailable` when there is no other token yet, or
        `DecryptionFailed`.
        """
        call.unauthorized(self.link, Secret(access_token))


class BufferAuth(transport.TokenAuth):
    """The access token of `link` on requests to the host of API_URL, for a `requests` session.

    `requests.post(url, json=…, auth=BufferAuth(link), timeout=…)`: refreshes when the token is
    about to end, and repeats a request once after a 401 where its body can be sent again. To
    another host, also by a redirect, nothing is added. Raises, where the request is made,
    `LinkRevoked`, `TokenUnavailable` or `DecryptionFailed`. Safe to share among threads.
    """

    def __init__(self, link: BufferLink) -> None:
        self.link = link

    def __repr__(self) -> str:
        return f"BufferAuth({self.link!r})"

    def access_token(self) -> Secret:
        """Return an access token that is good now."""
        return call.access_token(call.usable(self.link))

    def successor(self, refused: Secret) -> Secret:
        """Return another token than `refused`, to which the API answered 401."""
        return call.access_token(call.unauthorized(self.link, refused))
