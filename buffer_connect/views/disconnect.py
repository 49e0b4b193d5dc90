"""The end of a link."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator

from buffer_connect.flows.connect import Notice, Tell
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.flows.instance import OfAnotherInstance
from buffer_connect.models import BufferLink
from buffer_connect.views import notices
from buffer_connect.views.page import Page, SeeOther

# By what Buffer said to it.
TELLS = {True: Tell.DISCONNECTED, False: Tell.DISCONNECTED_HERE, None: Tell.REMOVED}


@method_decorator(login_required, name="dispatch")
class DisconnectView(Page):
    """A page that asks, and the button that ends a link of the user's own."""

    def get(self, request: HttpRequest, uid: UUID) -> HttpResponse:
        link = self.own_link(uid)
        if link.status == BufferLink.Status.DISCONNECTED:
            return SeeOther(self.address("links"))
        return render(request, "buffer_connect/disconnect.html", {"link": link})

    def post(self, request: HttpRequest, uid: UUID) -> HttpResponse:
        link = self.own_link(uid)
        # A second submit comes too late to know the account's name.
        if link.status != BufferLink.Status.DISCONNECTED:
            account = str(link)
            tell = _ended(link, request)
            notices.leave(request, [Notice(tell=tell, facts={"account": account})])
        return SeeOther(self.address("links"))


def _ended(link: BufferLink, request: HttpRequest) -> Tell:
    try:
        revoked = disconnect(link, request=request)
    except OfAnotherInstance:
        return Tell.ELSEWHERE
    return Tell.KEY_FORGOTTEN if link.is_api_key else TELLS[revoked]
