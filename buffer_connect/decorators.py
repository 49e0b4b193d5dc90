"""Views that need the user's Buffer account."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.http import Http404, HttpRequest
from django.utils.decorators import method_decorator

from buffer_connect import prompts
from buffer_connect.exceptions import AmbiguousLink, NotLinked
from buffer_connect.flows.choice import choose, links_of
from buffer_connect.models import BufferLink
from buffer_connect.scopes import is_scope

ViewT = TypeVar("ViewT", bound=Callable[..., Any])


def buffer_link_required(*scopes: str, link_kwarg: str | None = None) -> Callable[[ViewT], ViewT]:
    """Let a view run only with a link of the signed-in user that was granted `scopes`.

    `@buffer_link_required("posts:write")` stands on a function or a class, or in
    `method_decorator`; the view finds the link as `request.buffer_link`. Who is not signed in
    goes to the login page. Who has no such link, or whose link turns out to be `NotLinked`,
    `LinkRevoked` or `MissingScope` while the view runs, goes to connect, which asks Buffer for
    what is missing and leads back here; the transaction of `ATOMIC_REQUESTS` is rolled back. A
    caller that takes JSON, or HTMX, gets 401 with that address. What this user cannot cure
    passes through: every other error, and one about somebody else's link.

    `link_kwarg` names the view's keyword argument that holds a link's `uid`; no link of this
    user's is a 404. Without it a user with several fitting links gets a page that says so (409).
    Raises `TypeError` for an async view.
    """
    if not all(is_scope(scope) for scope in scopes):
        raise TypeError('buffer_link_required takes scopes: @buffer_link_required("posts:write").')

    def decorate(view: Any) -> Any:
        if isinstance(view, type):
            _refuse_async(view, getattr(view, "view_is_async", False))
            return method_decorator(decorate, name="dispatch")(view)
        _refuse_async(view, iscoroutinefunction(view))
        return login_required(_guarded(view, scopes, link_kwarg))

    return decorate


def _guarded(
    view: Callable[..., Any], scopes: tuple[str, ...], link_kwarg: str | None
) -> Callable[..., Any]:
    @wraps(view)
    def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            request.buffer_link = _link(request.user, scopes, _uid(kwargs, link_kwarg))
        except AmbiguousLink as error:
            return prompts.ambiguous(request, error)
        except prompts.CURABLE as error:
            return prompts.answer(request, error, scopes)
        try:
            return _finished(view, view(request, *args, **kwargs))
        except prompts.CURABLE as error:
            response = prompts.answer(request, error, scopes)
            if response is None:
                raise
            _roll_back(request)
            return response

    return guarded


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


def _finished(view: Callable[..., Any], response: Any) -> Any:
    if inspect.iscoroutine(response):
        response.close()
        _refuse_async(view, True)
    return response


def _refuse_async(view: Callable[..., Any], is_async: bool) -> None:
    if is_async:
        name = getattr(view, "__qualname__", repr(view))
        raise TypeError(f"buffer_link_required is for sync views, and {name} is async.")
