"""An API key instead of a connect."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator

from buffer_connect import wording
from buffer_connect.conf import conf
from buffer_connect.flows import connect
from buffer_connect.forms import APIKeyForm
from buffer_connect.views import notices
from buffer_connect.views.page import Page, SeeOther

OFF = 'This page takes API keys only while BUFFER_CONNECT["ALLOW_API_KEYS"] is True.'


@method_decorator(login_required, name="dispatch")
class APIKeyView(Page):
    """A form for a key of the user's own; not found while `ALLOW_API_KEYS` is off."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.form = APIKeyForm(request)
        if not conf.allow_api_keys:
            # A site's own 404 page may show it to everybody.
            raise Http404(OFF if conf.debug else "")

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page()

    def post(self, request: HttpRequest) -> HttpResponse:
        if not self.form.is_valid():
            return self._page()
        match connect.paste(self.form.cleaned_data["key"], connect.Browser(request)):
            case connect.Failed(notice=notice):
                self.form.add_error("key", wording.notice(notice)["text"])
                return self._page()
            case connect.Linked(notices=told):
                return self._stored(told)

    def _stored(self, told: Iterable[connect.Notice]) -> HttpResponse:
        # Elsewhere, the next visit of the links page may be far away.
        if not self.form.next_url:
            notices.leave(self.request, told)
        return SeeOther(self.form.next_url or self.address("links"))

    def _page(self) -> HttpResponse:
        return render(self.request, "buffer_connect/api_key.html", {"form": self.form})
