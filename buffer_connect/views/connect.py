"""The way to Buffer."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.decorators import method_decorator

from buffer_connect import wording
from buffer_connect.conf import conf
from buffer_connect.flows import connect
from buffer_connect.forms import ConnectForm
from buffer_connect.models import BufferLink
from buffer_connect.views.page import Page


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


def _proposal(link: BufferLink | None, scopes: list[str]) -> dict[str, Any]:
    """Return what the page says: what is asked and, of the account of `link`, why."""
    asked = connect.asked(scopes, link)
    proposal: dict[str, Any] = {"asked": wording.scopes(asked)}
    # Nothing is known of a disconnected link that a page could call it by.
    if link is None or link.status == BufferLink.Status.DISCONNECTED:
        return proposal
    missing = [each for each in link.missing_scopes(asked) if link.is_active and each in scopes]
    why = wording.REASONS.get(link.reason, "")
    return {**proposal, "account": str(link), "why": why, "more": wording.scopes(missing)}
