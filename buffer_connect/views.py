"""The pages: a user's links, the way to Buffer, the way back, and the end."""

import logging
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required, login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render, resolve_url
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny

from buffer_connect import wording
from buffer_connect.conf import conf
from buffer_connect.exceptions import (
    BufferUnavailable,
    DecryptionFailed,
    LinkRevoked,
    RateLimited,
    TokenUnavailable,
)
from buffer_connect.flows import connect
from buffer_connect.flows.check import check_again
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.forms import ConnectForm, allowed_next
from buffer_connect.models import BufferLink
from buffer_connect.transactions import own_transactions

logger = logging.getLogger(__name__)

NOTICES = "buffer_connect_notices"
# By what Buffer said to a disconnect.
DISCONNECTED = {
    True: connect.Tell.DISCONNECTED,
    False: connect.Tell.DISCONNECTED_HERE,
    None: connect.Tell.REMOVED,
}


class SeeOther(HttpResponseRedirect):
    """RFC 9110 section 15.4.4: look there, with GET."""

    status_code = 303


@method_decorator([own_transactions, never_cache, xframe_options_deny], name="dispatch")
class Page(View):
    """What all pages share."""

    # Stricter, browsers would send forms with `Origin: null`, which the CSRF check refuses.
    referrer_policy = "same-origin"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Referrer-Policy"] = self.referrer_policy
        return response

    def address(self, name: str) -> str:
        """Return the path of the page `name`, under the namespace that this one is found in."""
        match = self.request.resolver_match
        return reverse(f"buffer_connect:{name}", current_app=match.namespace if match else None)

    def problem(self, text: wording.Words, *, status: int) -> HttpResponse:
        """Answer in place with a page that says why nothing was connected."""
        return render(self.request, "buffer_connect/problem.html", {"problem": text}, status=status)


@method_decorator(login_required, name="dispatch")
class LinksView(Page):
    """The signed-in user's links, and what came of the last connect."""

    def get(self, request: HttpRequest) -> HttpResponse:
        connect.Browser(request).mark()
        links = BufferLink.objects.using(BufferLink.written_on()).for_user(request.user)
        shown = links.exclude(status=BufferLink.Status.DISCONNECTED).order_by("pk")
        context = {"cards": [_card(link) for link in shown], "notices": _take_notices(request)}
        return render(request, "buffer_connect/links.html", context)


@method_decorator(login_required, name="dispatch")
class ConnectView(Page):
    """A page with one button, and the button's way to Buffer."""

    def get(self, request: HttpRequest) -> HttpResponse:
        form = ConnectForm(request)
        if refusal := self._refusal(form):
            return refusal
        connect.Browser(request).mark()
        asked = form.cleaned_data
        context = {**asked, **_proposal(asked["link"], asked["scope"])}
        return render(request, "buffer_connect/connect.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ConnectForm(request)
        if refusal := self._refusal(form):
            return refusal
        asked = form.cleaned_data
        address = connect.begin(
            connect.Browser(request),
            redirect_uri=conf.redirect_uri or request.build_absolute_uri(self.address("callback")),
            scopes=asked["scope"],
            next_url=asked["next"],
            link=asked["link"],
        )
        return HttpResponseRedirect(address)

    def _refusal(self, form: ConnectForm) -> HttpResponse | None:
        if form.is_valid():
            return None
        if form.names_foreign_link:
            raise Http404
        return self.problem(wording.SCOPE_NOT_OFFERED, status=400)


@method_decorator(login_not_required, name="dispatch")
class CallbackView(Page):
    """The way back from Buffer. No login redirect, for that would copy code and state."""

    http_method_names = ("get",)
    referrer_policy = "no-referrer"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.params = connect.Params.take(request)

    def get(self, request: HttpRequest) -> HttpResponse:
        if _is_prefetch(request):
            return HttpResponse(status=204)
        match connect.finish(self.params, connect.Browser(request)):
            case connect.Linked(next_url=next_url, notices=notices):
                return self._arrived(next_url, notices)
            case connect.Failed(notice=notice):
                _leave_notices(request, [notice])
            case connect.Refused(problem=problem, is_forbidden=forbidden):
                return self.problem(wording.PROBLEMS[problem], status=403 if forbidden else 400)
        return SeeOther(self.address("links"))

    def _arrived(self, next_url: str, notices: Iterable[connect.Notice]) -> HttpResponse:
        links = self.address("links")
        target = allowed_next(self.request, next_url) or resolve_url(conf.default_next_url or links)
        if notices:
            # Elsewhere, the next visit of the links page may be far away.
            lasting = [each for each in notices if each.tell != connect.Tell.CONNECTED]
            _leave_notices(self.request, notices if target == links else lasting)
        return SeeOther(target)


@method_decorator(login_required, name="dispatch")
class DisconnectView(Page):
    """A page that asks, and the button that ends a link of the user's own."""

    def get(self, request: HttpRequest, uid: UUID) -> HttpResponse:
        link = _own_link(request, uid)
        if link.status == BufferLink.Status.DISCONNECTED:
            return SeeOther(self.address("links"))
        return render(request, "buffer_connect/disconnect.html", {"link": link})

    def post(self, request: HttpRequest, uid: UUID) -> HttpResponse:
        link = _own_link(request, uid)
        # A second submit comes too late to know the account's name.
        if link.status != BufferLink.Status.DISCONNECTED:
            account = str(link)
            tell = DISCONNECTED[disconnect(link, request=request)]
            _leave_notices(request, [connect.Notice(tell=tell, facts={"account": account})])
        return SeeOther(self.address("links"))


@method_decorator(login_required, name="dispatch")
class CheckView(Page):
    """The button that tries a link of the user's own again, after the API refused it."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, uid: UUID) -> HttpResponse:
        link = _own_link(request, uid)
        if link.status != BufferLink.Status.DISCONNECTED:
            notice = connect.Notice(tell=_checked(link), facts={"account": str(link)})
            _leave_notices(request, [notice])
        return SeeOther(self.address("links"))


def _own_link(request: HttpRequest, uid: UUID) -> BufferLink:
    links = BufferLink.objects.using(BufferLink.written_on()).for_user(request.user)
    return get_object_or_404(links, uid=uid)


def _checked(link: BufferLink) -> connect.Tell:
    try:
        is_back = check_again(link).is_active
    except (BufferUnavailable, RateLimited, TokenUnavailable):
        return connect.Tell.NOT_CHECKED
    except LinkRevoked:
        return connect.Tell.STILL_ENDED
    except DecryptionFailed as error:
        logger.error("link=%s check=failed error=%s", link.uid, type(error).__name__)
        return connect.Tell.UNREADABLE
    return connect.Tell.RESTORED if is_back else connect.Tell.STILL_ENDED


def _is_prefetch(request: HttpRequest) -> bool:
    """Whether nobody has asked for the page yet: a browser fetches it in case it will be wanted."""
    purposes = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return any("prefetch" in purpose.lower() for purpose in purposes)


def _card(link: BufferLink) -> dict[str, Any]:
    return {
        "link": link,
        "why": wording.REASONS.get(link.reason, ""),
        "scopes": wording.scopes(link.granted_scopes),
        "ends": link.is_active and link.refresh_token is None,
    }


def _proposal(link: BufferLink | None, scopes: list[str]) -> dict[str, Any]:
    """Return what the connect page says: what is asked and, of the account of `link`, why."""
    asked = connect.asked(scopes, link)
    proposal: dict[str, Any] = {"asked": wording.scopes(asked)}
    # Nothing is known of a disconnected link that a page could call it by.
    if link is None or link.status == BufferLink.Status.DISCONNECTED:
        return proposal
    missing = [each for each in link.missing_scopes(asked) if link.is_active and each in scopes]
    why = wording.REASONS.get(link.reason, "")
    return {
        **proposal,
        "account": wording.account(link),
        "why": why,
        "more": wording.scopes(missing),
    }


def _leave_notices(request: HttpRequest, notices: Iterable[connect.Notice]) -> None:
    """Keep notices for the links page, in place of what an earlier connect has left."""
    request.session[NOTICES] = [asdict(notice) for notice in notices]


def _take_notices(request: HttpRequest) -> list[dict[str, str]]:
    if NOTICES not in request.session:
        return []
    left = request.session.pop(NOTICES)
    # A session outlives a release, and what that release could tell.
    known = [each for each in left if each["tell"] in wording.NOTICES]
    return [wording.notice(connect.Notice(**each)) for each in known]
