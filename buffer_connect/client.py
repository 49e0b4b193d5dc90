"""Calling Buffer as one of the site's users."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Self

from buffer_connect import graphql
from buffer_connect.exceptions import AmbiguousLink, LinkRevoked, MissingScope, NotLinked
from buffer_connect.flows import call
from buffer_connect.models import BufferLink
from buffer_connect.models.link import account_key


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
        wanted = list(scopes)
        links = BufferLink.objects.for_user(user)
        if account_id is not None:
            links = links.filter(account_key=account_key(account_id))
        active = list(links.active().order_by("pk"))
        fitting = [link for link in active if link.has_scopes(*wanted)]
        if len(fitting) > 1:
            raise AmbiguousLink(fitting)
        if fitting:
            return cls(fitting[0])
        if active:
            raise MissingScope(active[-1], active[-1].missing_scopes(wanted))
        ended = links.revoked().order_by("-status_changed_at").first()
        if ended is None:
            raise NotLinked(user)
        raise LinkRevoked(ended, ended.reason)

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
