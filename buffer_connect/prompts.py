"""A link that is missing, over or too narrow: its user is shown the way to Buffer.

In a form that the caller can use: a redirect for a page, 401 and JSON for a script, 401 and
`HX-Redirect` for HTMX.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from buffer_connect import wording
from buffer_connect.conf import conf
from buffer_connect.exceptions import AmbiguousLink, LinkRevoked, MissingScope, NotLinked
from buffer_connect.forms import allowed_next
from buffer_connect.models import BufferLink

# What the link's own user can cure, by authorizing (again).
CURABLE = (NotLinked, LinkRevoked, MissingScope)
Curable = NotLinked | LinkRevoked | MissingScope

JSON, HTML = "application/json", "text/html"
# RFC 9110 section 15.5.2 wants a challenge with a 401; browsers ask for no password on this one.
CHALLENGE = 'BufferConnect realm="Buffer"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """What connect is asked for: a link to renew or to widen, or None, and scopes.

    A link by API key is renewed by another key, where the site takes keys.
    """

    link: BufferLink | None
    scopes: tuple[str, ...]

    @classmethod
    def of(cls, error: Curable, scopes: Iterable[str]) -> Self:
        """Return what cures `error`; `scopes` are asked where it names none itself."""
        match error:
            case MissingScope(link=link, scopes=missing):
                return cls(link=link, scopes=_offered(missing))
            # Nothing is known of a disconnected link that a page could call it by.
            case LinkRevoked(link=link, reason=reason) if reason != BufferLink.Status.DISCONNECTED:
                return cls(link=link, scopes=_offered(scopes))
        return cls(link=None, scopes=_offered(scopes))

    def address(self, next_url: str) -> str:
        """Return the path of the page, connect or that for keys, that leads to `next_url` in the end."""
        query = QueryDict(mutable=True)
        if self.scopes and not self.replaces_key:
            query.setlist("scope", list(self.scopes))
        if self.link and not self.replaces_key:
            query["link"] = str(self.link.uid)
        if next_url:
            query["next"] = next_url
        path = reverse(f"buffer_connect:{'api_key' if self.replaces_key else 'connect'}")
        return f"{path}?{query.urlencode()}" if query else path

    @property
    def replaces_key(self) -> bool:
        """Whether another API key is the cure."""
        return self.link is not None and self.link.is_replaceable


def answer(
    request: HttpRequest, error: Exception, scopes: Iterable[str] = ()
) -> HttpResponse | None:
    """Return the prompt for `error`, or None where the user of `request` cannot cure it.

    That is so with every other error, and with one about somebody else's link. `scopes` are
    asked where `error` itself names none.
    """
    if not isinstance(error, CURABLE) or not is_own(request, error):
        return None
    address = Cure.of(error, scopes).address(page_of(request))
    if _is_htmx(request):
        context = {"detail": wording.prompt(error), "address": address}
        response = render(request, "buffer_connect/prompt.html", context, status=401)
        response.headers["HX-Redirect"] = address
    elif _wants_json(request):
        told = document(request, error, connect_url=address)
        response = JsonResponse(told, status=401)
    else:
        # Whatever method came, the connect page is got (RFC 9110 section 15.4.4).
        response = HttpResponseRedirect(address, status=303)
    return finished(response)


def ambiguous(request: HttpRequest, error: AmbiguousLink) -> HttpResponse:
    """Return what says that several links fit; authorizing again would not cure that."""
    address = reverse("buffer_connect:links")
    if _wants_json(request) and not _is_htmx(request):
        told = document(request, error, links_url=address)
        return finished(JsonResponse(told, status=409))
    context = {
        "detail": wording.prompt(error),
        "accounts": [str(link) for link in error.links],
    }
    response = render(request, "buffer_connect/ambiguous.html", context, status=409)
    if _is_htmx(request):
        response.headers["HX-Redirect"] = address
    return finished(response)


def page_of(request: HttpRequest) -> str:
    """Return the address of the page that the user is on, or an empty string.

    It is the request's own where a page is got; what a script or a form is answered shows on the
    page that they are on.
    """
    is_fragment = _is_htmx(request) and "HX-Boosted" not in request.headers
    if request.method in {"GET", "HEAD"} and not is_fragment and not _wants_json(request):
        return allowed_next(request, request.get_full_path())
    return referring_page(request)


def referring_page(request: HttpRequest) -> str:
    """Return the address of the page from which a script or a form asks, or an empty string."""
    page = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    return allowed_next(request, page)


def is_own(request: HttpRequest, error: Curable | AmbiguousLink) -> bool:
    """Return whether `error` is about links, or the lack of one, of the signed-in user.

    One out of a Celery result in JSON has keys in the place of rows: whose they are is not known.
    """
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return False
    match error:
        case NotLinked():
            owners = {getattr(error.user, "pk", None)}
        case AmbiguousLink():
            owners = {getattr(link, "user_id", None) for link in error.links}
        case _:
            owners = {getattr(error.link, "user_id", None)}
    return owners == {user.pk}


def document(
    request: HttpRequest, error: Curable | AmbiguousLink, **address: str
) -> dict[str, Any]:
    """Return what a script is told, which may be far from here: its address is absolute."""
    return {
        "error": _name(error),
        "reason": error.reason if isinstance(error, LinkRevoked) else None,
        "detail": wording.prompt(error),
        **{name: request.build_absolute_uri(path) for name, path in address.items()},
    }


def finished(response: HttpResponse) -> HttpResponse:
    """Return `response` with the headers that every prompt has."""
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = CHALLENGE
    # It says what is true now, to this user.
    add_never_cache_headers(response)
    return response


def _offered(scopes: Iterable[str]) -> tuple[str, ...]:
    scopes = tuple(scopes)
    if missing := [scope for scope in scopes if scope not in conf.scopes]:
        raise ImproperlyConfigured(
            f"A view needs the scope {', '.join(missing)}. "
            'Add it to BUFFER_CONNECT["SCOPES"], so that it may be asked.'
        )
    return scopes


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _wants_json(request: HttpRequest) -> bool:
    sends_json = request.content_type == JSON
    return sends_json or request.get_preferred_type([HTML, JSON]) == JSON


def _name(error: Curable | AmbiguousLink) -> str:
    match error:
        case NotLinked():
            return "not_linked"
        case LinkRevoked():
            return "link_revoked"
        case MissingScope():
            return "missing_scope"
        case AmbiguousLink():
            return "ambiguous_link"
