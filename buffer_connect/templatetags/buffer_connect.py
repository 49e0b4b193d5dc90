"""`{% load buffer_connect %}`: the way to Buffer on the site's own pages."""

from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template.context import Context

from buffer_connect import prompts, wording
from buffer_connect.cards import cards_of, concern_of
from buffer_connect.exceptions import AmbiguousLink
from buffer_connect.flows.choice import choose, links_of

register = template.Library()


@register.inclusion_tag("buffer_connect/button.html", takes_context=True)
def buffer_connect_button(context: Context, *scopes: str, next: str = "") -> dict[str, Any]:  # noqa: A002
    """Show a button with which the signed-in user connects, reconnects, or allows more.

    `{% buffer_connect_button "posts:write" next="/posts/" %}`; `next` is this page unless given.
    Nothing is shown to who is not signed in, and where an active link has all of `scopes`. One
    query, or two where there is no active link.
    """
    request = _request(context, "buffer_connect_button")
    cure = _cure(request, scopes)
    next_url = next or prompts.page_of(request)
    return {"cure": cure, "next": next_url, "address": cure and cure.address(next_url)}


@register.inclusion_tag("buffer_connect/banner.html", takes_context=True)
def buffer_connect_banner(context: Context, *scopes: str) -> dict[str, Any]:
    """Show the signed-in user which link has ended, or lacks `scopes`, and the way to mend it.

    `{% buffer_connect_banner "posts:write" %}`, for the frame of all pages. Nothing is shown to
    everybody else. One query; none for who is not signed in.
    """
    request = _request(context, "buffer_connect_banner")
    error = concern_of(request.user, scopes)
    if error is None:
        return {}
    cure = prompts.Cure.of(error, scopes)
    return {
        "cure": cure,
        "link": error.link,
        "why": wording.REASONS.get(error.link.reason, ""),
        "scopes": wording.scopes(error.link.missing_scopes(scopes)),
        "address": cure.address(prompts.page_of(request)),
    }


@register.inclusion_tag("buffer_connect/accounts.html", takes_context=True)
def buffer_connect_accounts(context: Context, *, next: str = "") -> dict[str, Any]:  # noqa: A002
    """Show the signed-in user's accounts, how each stands, and buttons for what can be done.

    `{% buffer_connect_accounts next="/settings/" %}`, for a settings page; `next`, where connecting
    leads, is this page unless given. Nothing is shown to who is not signed in. One query.
    """
    request = _request(context, "buffer_connect_accounts")
    return {
        "is_signed_in": request.user.is_authenticated,
        "cards": cards_of(request.user),
        "next": next or prompts.page_of(request),
    }


def _request(context: Context, tag: str) -> Any:
    request = context.get("request")
    if request is None:
        raise ImproperlyConfigured(
            f"{{% {tag} %}} needs the request: add "
            '"django.template.context_processors.request" to the context_processors.'
        )
    return request


def _cure(request: HttpRequest, scopes: tuple[str, ...]) -> prompts.Cure | None:
    if not request.user.is_authenticated:
        return None
    try:
        choose(request.user, links_of(request.user), scopes)
    except prompts.CURABLE as error:
        return prompts.Cure.of(error, scopes)
    except AmbiguousLink:
        return None
    return None
