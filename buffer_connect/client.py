"""Calling Buffer as one of the site's users."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Self, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.views.decorators.debug import sensitive_variables

from buffer_connect import graphql, transport
from buffer_connect.flows import call
from buffer_connect.flows.choice import choose, link_called, links_of
from buffer_connect.flows.environment import EnvironmentKey
from buffer_connect.flows.refresh.worker import worker
from buffer_connect.flows.steps import Flow, arun, run
from buffer_connect.flows.waiting import outlast_rate_limit
from buffer_connect.models import BufferLink
from buffer_connect.models.link import account_key
from buffer_connect.sealing import Secret


def finish_refreshes() -> None:
    """Wait until the refreshes that this process has begun for its callers have ended.

    To be called before a process ends in a way that waits for no thread. It takes as long as Buffer
    takes, and no longer than a lease unless a transaction keeps a link's row locked.
    """
    worker.finish()


class BufferClient:
    """Buffer's API in the name of one link's user. Cheap to make; keep it no longer than a task.

    Safe in any process and thread, inside a transaction or not: a refresh runs beside it, on a
    database connection of its own. Queries, never mutations, wait `wait_for_rate_limit` at most
    until Buffer's rate limit lets them through.
    """

    def __init__(self, link: BufferLink, *, wait_for_rate_limit: timedelta = timedelta(0)) -> None:
        self.link = link
        self.wait_for_rate_limit = wait_for_rate_limit
        self._rate_limits: dict[str, graphql.RateLimit] = {}

    def __repr__(self) -> str:
        return f"BufferClient({self.link!r})"

    @classmethod
    def for_user(
        cls,
        user: Any,
        scopes: Iterable[str] = (),
        account_id: str | None = None,
        *,
        wait_for_rate_limit: timedelta = timedelta(0),
    ) -> Self:
        """Return a client for the one active link of `user` that was granted `scopes`.

        `account_id` chooses among several Buffer accounts. Raises `NotLinked` when none was ever
        linked, `MissingScope` when one is active without the scopes, `LinkRevoked` with the
        newest when all have ended, `AmbiguousLink` when several fit.
        """
        links = links_of(user)
        if account_id is not None:
            links = links.filter(account_key=account_key(account_id))
        return cls(choose(user, links, scopes), wait_for_rate_limit=wait_for_rate_limit)

    @classmethod
    async def afor_user(
        cls,
        user: Any,
        scopes: Iterable[str] = (),
        account_id: str | None = None,
        *,
        wait_for_rate_limit: timedelta = timedelta(0),
    ) -> Self:
        """Async version of `for_user`."""
        return await sync_to_async(cls.for_user)(
            user, scopes, account_id, wait_for_rate_limit=wait_for_rate_limit
        )

    @classmethod
    def for_link(
        cls,
        uid: UUID | str,
        scopes: Iterable[str] = (),
        *,
        wait_for_rate_limit: timedelta = timedelta(0),
    ) -> Self:
        """Return a client for the link `uid`, which is active and was granted `scopes`.

        For tasks, which are told the link by its uid; nobody is asked whose it is. Raises
        `LinkRevoked` when it has ended, was disconnected or deleted, `MissingScope`.
        """
        return cls(link_called(uid, scopes), wait_for_rate_limit=wait_for_rate_limit)

    @classmethod
    def from_environment(cls, *, wait_for_rate_limit: timedelta = timedelta(0)) -> Self:
        """Return a client for the API key in the environment variable `BUFFER_API_KEY`.

        For scripts of one's own: it has no link and touches no database. Raises
        `ImproperlyConfigured` where the variable is missing; calls raise `APIKeyRefused` when
        Buffer answers 401.
        """
        key = cast("BufferLink", EnvironmentKey.read())
        return cls(key, wait_for_rate_limit=wait_for_rate_limit)

    @property
    def rate_limits(self) -> dict[str, graphql.RateLimit]:
        """Buffer's limits as it last told this client, by window: `15m`, `24h` and `30d`.

        Each has `limit`, `remaining` and `resets_at` (UTC). Empty before the first call.
        """
        return dict(self._rate_limits)

    def execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        raise_mutation_errors: bool = True,
    ) -> dict[str, Any]:
        """Send a GraphQL query or mutation and return its data.

        Refreshes first when the access token is about to end, waiting at most
        TIMING["CALL_WAIT"]; one call takes at most TIMING["API"]. Never repeated after a
        time-out, for Buffer knows no idempotency key. Raises `LinkRevoked`, `TokenUnavailable`,
        `BufferUnavailable`, `RateLimited`, `BufferAPIError` or `DecryptionFailed`, and
        `MutationFailed` where Buffer answers a mutation with one of its typed errors, which
        `raise_mutation_errors=False` leaves in the data.
        """
        return run(self._execution(query, variables, raise_mutation_errors))

    async def aexecute(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        raise_mutation_errors: bool = True,
    ) -> dict[str, Any]:
        """Async version of `execute`. The event loop goes on, and no thread waits for a refresh.

        Cancelled, it abandons no refresh that is out. A query or mutation that was sent already
        may have been carried out; one that waits for a thread is not sent any more.
        """
        return await arun(self._execution(query, variables, raise_mutation_errors))

    def _execution(
        self, query: str, variables: Mapping[str, Any] | None, raise_mutation_errors: bool
    ) -> Flow[dict[str, Any]]:
        is_mutation = graphql.is_mutation(query)
        answer = yield from outlast_rate_limit(
            partial(self._ask, graphql.payload(query, variables)),
            timedelta(0) if is_mutation else self.wait_for_rate_limit,
        )
        data = graphql.raise_for_errors(answer)
        if is_mutation and raise_mutation_errors:
            graphql.raise_for_mutation_errors(data)
        return data

    def paginate(
        self, query: str, variables: Mapping[str, Any] | None = None, *, path: str = "posts"
    ) -> Iterator[Any]:
        """Return the nodes of all pages of the connection at `path`, asked for as they are needed.

        The query declares `$after: String`, passes it to the connection, and selects its
        `edges { node { … } } pageInfo { hasNextPage endCursor }`; `first` says how large a page
        is. `path` has a dot between names. `after` among the variables begins behind that cursor.
        Raises `ValueError` for a query that is not so, and what `execute` raises.
        """
        return self._nodes(graphql.Pages(query, variables, path))

    def apaginate(
        self, query: str, variables: Mapping[str, Any] | None = None, *, path: str = "posts"
    ) -> AsyncIterator[Any]:
        """Async version of `paginate`, for `async for`."""
        return self._anodes(graphql.Pages(query, variables, path))

    def _nodes(self, pages: graphql.Pages) -> Iterator[Any]:
        while pages.has_next:
            yield from pages.read(self.execute(pages.query, pages.variables()))

    async def _anodes(self, pages: graphql.Pages) -> AsyncIterator[Any]:
        while pages.has_next:
            for node in pages.read(await self.aexecute(pages.query, pages.variables())):
                yield node

    def _ask(self, payload: Mapping[str, Any]) -> Flow[graphql.Answer]:
        answer = yield from call.ask(self.link, payload)
        self._rate_limits = {**self._rate_limits, **answer.rate_limits}
        return answer

    def get_access_token(self, min_ttl: timedelta = timedelta(seconds=30)) -> str:
        """Return an access token that lives for `min_ttl`, refreshed when it must be.

        A token stored within the last minute is not refreshed again for a longer life. Raises
        `LinkRevoked`, `TokenUnavailable` or `DecryptionFailed`.
        """
        return call.access_token(run(call.usable(self.link, min_ttl))).reveal()

    async def aget_access_token(self, min_ttl: timedelta = timedelta(seconds=30)) -> str:
        """Async version of `get_access_token`; no thread waits for a refresh."""
        return call.access_token(await arun(call.usable(self.link, min_ttl))).reveal()

    @sensitive_variables("access_token")
    def report_unauthorized(self, access_token: str) -> None:
        """Tell that the API answered HTTP 401 to `access_token`, which `get_access_token` gave.

        For sites with their own HTTP. Costs one forced refresh, or none when the link has another
        token by now. Returns when `get_access_token` gives that other one, with which the call
        may be repeated once: what was refused was not run. Raises `LinkRevoked` when the link
        has ended with this, `TokenUnavailable` when there is no other token yet, or
        `DecryptionFailed`.
        """
        run(call.unauthorized(self.link, Secret(access_token)))

    @sensitive_variables("access_token")
    async def areport_unauthorized(self, access_token: str) -> None:
        """Async version of `report_unauthorized`."""
        await arun(call.unauthorized(self.link, Secret(access_token)))


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
        return call.access_token(run(call.usable(self.link)))

    def successor(self, refused: Secret) -> Secret:
        """Return another token than `refused`, to which the API answered 401."""
        return call.access_token(run(call.unauthorized(self.link, refused)))
