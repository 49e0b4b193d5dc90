"""`{% load buffer_connect %}`: the way to Buffer on the site's own pages."""

from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template.context import Context

from buffer_connect import prompts
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
    request = context.get("request")
    if request is None:
        raise ImproperlyConfigured(
            "{% buffer_connect_button %} needs the request: add "
            '"django.template.context_processors.request" to the context_processors.'
        )
    cure = _cure(request, scopes)
    return {"cure": cure, "next": next or prompts.page_of(request)}


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
