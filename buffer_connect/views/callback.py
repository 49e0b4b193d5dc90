"""The way back from Buffer."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.decorators import method_decorator

from buffer_connect import wording
from buffer_connect.conf import conf
from buffer_connect.flows import connect
from buffer_connect.forms import allowed_next
from buffer_connect.views import notices
from buffer_connect.views.page import Page, SeeOther


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
            case connect.Linked(next_url=next_url, notices=told):
                return self._arrived(next_url, told)
            case connect.Failed(notice=notice):
                notices.leave(request, [notice])
            case connect.Refused(problem=problem, is_forbidden=forbidden):
                return self.problem(wording.PROBLEMS[problem], status=403 if forbidden else 400)
        return SeeOther(self.address("links"))

    def _arrived(self, next_url: str, told: Iterable[connect.Notice]) -> HttpResponse:
        links = self.address("links")
        target = allowed_next(self.request, next_url) or resolve_url(conf.default_next_url or links)
        if told:
            # Elsewhere, the next visit of the links page may be far away.
            lasting = [each for each in told if each.tell != connect.Tell.CONNECTED]
            notices.leave(self.request, told if target == links else lasting)
        return SeeOther(target)


def _is_prefetch(request: HttpRequest) -> bool:
    """Whether nobody has asked for the page yet: a browser fetches it in case it will be wanted."""
    purposes = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return any("prefetch" in purpose.lower() for purpose in purposes)
