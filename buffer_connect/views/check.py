"""Another try of a link that Buffer's API refused."""

import logging
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator

from buffer_connect.exceptions import (
    BufferUnavailable,
    DecryptionFailed,
    LinkRevoked,
    RateLimited,
    TokenUnavailable,
)
from buffer_connect.flows.check import check_again
from buffer_connect.flows.connect import Notice, Tell
from buffer_connect.flows.instance import OfAnotherInstance
from buffer_connect.models import BufferLink
from buffer_connect.views import notices
from buffer_connect.views.page import Page, SeeOther

logger = logging.getLogger(__name__)


@method_decorator(login_required, name="dispatch")
class CheckView(Page):
    """The button that tries a link of the user's own again, after the API refused it."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, uid: UUID) -> HttpResponse:
        link = self.own_link(uid)
        if link.status != BufferLink.Status.DISCONNECTED:
            notices.leave(request, [Notice(tell=_checked(link), facts={"account": str(link)})])
        return SeeOther(self.address("links"))


def _checked(link: BufferLink) -> Tell:
    try:
        is_back = check_again(link).is_active
    except OfAnotherInstance:
        return Tell.ELSEWHERE
    except (BufferUnavailable, RateLimited, TokenUnavailable):
        return Tell.NOT_CHECKED
    except LinkRevoked:
        is_back = False
    except DecryptionFailed as error:
        logger.error("link=%s check=failed error=%s", link.uid, type(error).__name__)
        return Tell.UNREADABLE
    if is_back:
        return Tell.RESTORED
    return Tell.KEY_STILL_REFUSED if link.is_replaceable else Tell.STILL_ENDED
