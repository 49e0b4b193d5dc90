"""What the pages share."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny

from buffer_connect.models import BufferLink
from buffer_connect.transactions import own_transactions
from buffer_connect.wording import Words


class SeeOther(HttpResponseRedirect):
    """RFC 9110 section 15.4.4: look there, with GET."""

    status_code = 303


@method_decorator([own_transactions, never_cache, xframe_options_deny], name="dispatch")
class Page(View):
    """A page that is never cached, framed or run in the request's transaction."""

    # Stricter, browsers would send forms with `Origin: null`, which the CSRF check refuses.
    referrer_policy = "same-origin"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Referrer-Policy"] = self.referrer_policy
        return response

    def address(self, name: str, *args: UUID) -> str:
        """Return the path of the page `name`, under the namespace that this one is found in."""
        match = self.request.resolver_match
        namespace = match.namespace if match else None
        return reverse(f"buffer_connect:{name}", args=args, current_app=namespace)

    def own_link(self, uid: UUID) -> BufferLink:
        """Return the signed-in user's link `uid`; somebody else's is not found."""
        links = BufferLink.objects.using(BufferLink.written_on()).for_user(self.request.user)
        return get_object_or_404(links, uid=uid)

    def problem(self, text: Words, *, status: int) -> HttpResponse:
        """Answer in place with a page that says why nothing was connected."""
        return render(self.request, "buffer_connect/problem.html", {"problem": text}, status=status)
