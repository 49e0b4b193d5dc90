"""Views and Celery tasks that need a user's Buffer account."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import iscoroutinefunction, sync_to_async
from celery import Task, shared_task
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator

from buffer_connect import graphql, prompts
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import (
    AmbiguousLink,
    BufferUnavailable,
    NotLinked,
    RateLimited,
    TokenUnavailable,
)
from buffer_connect.flows.choice import choose, links_of
from buffer_connect.flows.steps import Flow
from buffer_connect.models import BufferLink
from buffer_connect.scopes import is_scope

ViewT = TypeVar("ViewT", bound=Callable[..., Any])

# Seconds. Brokers that wait for an acknowledgement hand out anew what is to wait for longer than
# their patience (Redis: an hour), and the task would run twice.
LONGEST_PAUSE = 15 * 60


def buffer_link_required(*scopes: str, link_kwarg: str | None = None) -> Callable[[ViewT], ViewT]:
    """Let a view run only with a link of the signed-in user that was granted `scopes`.

    `@buffer_link_required("posts:write")` stands on a function or a class, sync or async, or in
    `method_decorator`; the view finds the link as `request.buffer_link`. Who is not signed in
    goes to the login page. Who has no such link, or whose link turns out to be `NotLinked`,
    `LinkRevoked` or `MissingScope` while the view runs, goes to connect, which asks Buffer for
    what is missing and leads back here; the transaction of `ATOMIC_REQUESTS` is rolled back. A
    caller that takes JSON, or HTMX, gets 401 with that address. What this user cannot cure
    passes through: every other error, and one about somebody else's link.

    `link_kwarg` names the view's keyword argument that holds a link's `uid`; no link of this
    user's is a 404. Without it a user with several fitting links gets a page that says so (409).
    """
    _refuse_no_scopes("buffer_link_required", scopes)

    def decorate(view: Any) -> Any:
        if isinstance(view, type):
            return method_decorator(decorate, name="dispatch")(view)
        guard = _Guard(view, scopes, link_kwarg)
        return login_required(guard.asynchronous() if _is_async(view) else guard.synchronous())

    return decorate


def buffer_link_task(*scopes: str, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a Celery task of a function that calls Buffer in the name of a link's user.

    Under `@buffer_link_task("posts:write")`, `publish(client, text)` is queued by
    `publish.delay(link.uid, text)` and gets a `BufferClient` in the place of the link's `uid`.
    The link has to be active, and `scopes` granted, when the task runs. `options` are those of
    Celery's `shared_task`.

    `LinkRevoked`, `MissingScope` and `NotLinked` end the task: it fails with them, without a
    retry, and Celery logs no traceback. `TokenUnavailable`, `RateLimited` and `BufferUnavailable`
    let the function run again when they have passed, `max_retries` times at most; not when that is
    known to take more than 15 minutes, and never after a mutation that may have been carried out. The message is acknowledged early, for a broker repeats it otherwise when a worker dies.
    """
    _refuse_no_scopes("buffer_link_task", scopes)
    options = {"throws": prompts.CURABLE, "acks_late": False, "default_retry_delay": 60, **options}

    def decorate(function: Callable[..., Any]) -> Any:
        @shared_task(bind=True, **options)
        @wraps(function)
        def run(task: Task[..., Any], link_uid: UUID | str, /, *args: Any, **kwargs: Any) -> Any:
            client = _TaskClient.for_link(link_uid, scopes)
            try:
                return function(client, *args, **kwargs)
            except (TokenUnavailable, RateLimited, BufferUnavailable) as error:
                if client.mutations:
                    raise
                raise _retry(task, error) from None

        return run

    return decorate


class _TaskClient(BufferClient):
    """Counts the mutations that may have been carried out."""

    mutations = 0

    def _execution(self, query: str, *args: Any, **kwargs: Any) -> Flow[dict[str, Any]]:
        mutations = int(graphql.is_mutation(query))
        self.mutations += mutations
        try:
            return (yield from super()._execution(query, *args, **kwargs))
        except (TokenUnavailable, RateLimited):
            # Refused, so nothing of it was run.
            self.mutations -= mutations
            raise


def _retry(
    task: Task[..., Any], error: TokenUnavailable | RateLimited | BufferUnavailable
) -> Exception:
    """Return what has Celery run `task` again once `error` has passed, or `error`."""
    if _pause(error) > LONGEST_PAUSE:
        return error
    if isinstance(error, TokenUnavailable):
        return task.retry(exc=error, eta=error.retry_at, throw=False)
    return task.retry(exc=error, countdown=error.retry_after, throw=False)


def _pause(error: TokenUnavailable | RateLimited | BufferUnavailable) -> float:
    """Return the seconds for which `error` asks to wait; 0 when it does not say."""
    if not isinstance(error, TokenUnavailable):
        return error.retry_after or 0.0
    if error.retry_at is None:
        return 0.0
    return (error.retry_at - timezone.now()).total_seconds()


def _refuse_no_scopes(name: str, scopes: tuple[str, ...]) -> None:
    if not all(is_scope(scope) for scope in scopes):
        raise TypeError(f'{name} takes scopes: @{name}("posts:write").')


class _Guard:
    """Stands before and around one view."""

    def __init__(
        self, view: Callable[..., Any], scopes: tuple[str, ...], link_kwarg: str | None
    ) -> None:
        self.view = view
        self.scopes = scopes
        self.link_kwarg = link_kwarg

    def synchronous(self) -> Callable[..., Any]:
        @wraps(self.view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            if prompt := self.admit(request, request.user, kwargs):
                return prompt
            try:
                return self.view(request, *args, **kwargs)
            except prompts.CURABLE as error:
                response = self.prompt(request, error)
                _roll_back(request)
                return response

        return guarded

    def asynchronous(self) -> Callable[..., Any]:
        # Nothing is rolled back: Django has no ATOMIC_REQUESTS for async views.
        @wraps(self.view)
        async def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            user = await request.auser()
            if prompt := await sync_to_async(self.admit)(request, user, kwargs):
                return prompt
            try:
                return await self.view(request, *args, **kwargs)
            except prompts.CURABLE as error:
                return await sync_to_async(self.prompt)(request, error)

        return guarded

    def admit(self, request: Any, user: Any, kwargs: Mapping[str, Any]) -> HttpResponse | None:
        """Give the request its link, or return the prompt for want of one."""
        try:
            request.buffer_link = _link(user, self.scopes, _uid(kwargs, self.link_kwarg))
        except AmbiguousLink as error:
            return prompts.ambiguous(request, error)
        except prompts.CURABLE as error:
            return self.prompt(request, error)
        return None

    def prompt(self, request: HttpRequest, error: prompts.Curable) -> HttpResponse:
        """Return the prompt for `error`, or raise it where this user cannot cure it."""
        response = prompts.answer(request, error, self.scopes)
        if response is None:
            raise error
        return response


def _is_async(view: Any) -> bool:
    """Whether `view` is awaited; a class whose handlers are async has a `dispatch` that is."""
    bound = getattr(view, "func", view)
    of_class = getattr(getattr(bound, "__self__", None), "view_is_async", False)
    return of_class or iscoroutinefunction(view)


def _link(user: Any, scopes: tuple[str, ...], uid: UUID | None) -> BufferLink:
    links = links_of(user)
    if uid is None:
        return choose(user, links, scopes)
    links = links.filter(uid=uid)
    try:
        return choose(user, links, scopes)
    except NotLinked:
        # A disconnected link is still this user's.
        if links.exists():
            raise
        raise Http404 from None


def _uid(kwargs: Mapping[str, Any], link_kwarg: str | None) -> UUID | None:
    if link_kwarg is None:
        return None
    if link_kwarg not in kwargs:
        raise ImproperlyConfigured(
            f"buffer_link_required(link_kwarg={link_kwarg!r}): the view's path has no such "
            f"argument. Write it as <uuid:{link_kwarg}>."
        )
    try:
        return UUID(str(kwargs[link_kwarg]))
    except ValueError:
        raise Http404 from None


def _roll_back(request: HttpRequest) -> None:
    """Undo what the view has done, as Django would have, had the error come through."""
    match = request.resolver_match
    exempt = getattr(match.func, "_non_atomic_requests", ()) if match else connections
    for connection in connections.all(initialized_only=True):
        is_ours = connection.settings_dict["ATOMIC_REQUESTS"] and connection.alias not in exempt
        if is_ours and connection.in_atomic_block:
            connection.set_rollback(True)
