"""The signed-in user's links."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator

from buffer_connect.cards import cards_of
from buffer_connect.conf import conf
from buffer_connect.flows.connect import Browser
from buffer_connect.views import notices
from buffer_connect.views.page import Page


@method_decorator(login_required, name="dispatch")
class LinksView(Page):
    """The signed-in user's links, and what came of the last connect."""

    def get(self, request: HttpRequest) -> HttpResponse:
        Browser(request).mark()
        context = {
            "cards": cards_of(request.user),
            "notices": notices.take(request),
            "takes_keys": conf.allow_api_keys,
        }
        return render(request, "buffer_connect/links.html", context)
