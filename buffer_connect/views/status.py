"""The signed-in user's links, for a script."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator

from buffer_connect import prompts, wording
from buffer_connect.cards import Card, cards_of
from buffer_connect.views.page import Page


@method_decorator(login_not_required, name="dispatch")
class StatusView(Page):
    """The signed-in user's links as JSON, without secrets. Who is not signed in gets no redirect."""

    http_method_names = ("get", "head", "options")

    def get(self, request: HttpRequest) -> HttpResponse:
        page = prompts.referring_page(request)
        if not request.user.is_authenticated:
            return self._signed_out(page)
        links = [self._told(card, page) for card in cards_of(request.user)]
        connect = prompts.Cure(link=None, scopes=()).address(page)
        return JsonResponse({"links": links, "connect_url": self._absolute(connect)})

    def _told(self, card: Card, page: str) -> dict[str, Any]:
        link = card.link
        cure = self._absolute(prompts.Cure(link=link, scopes=()).address(page))
        check, disconnect = (self.address(name, link.uid) for name in ("check", "disconnect"))
        return {
            "uid": link.uid,
            "account": str(link),
            "kind": link.kind,
            "status": link.status,
            "reason": link.reason or None,
            "detail": card.why or None,
            "granted_scopes": link.granted_scopes,
            "expires_at": link.expires_at,
            "last_refreshed_at": link.last_refreshed_at,
            "connect_url": cure if card.can_reconnect else None,
            "replace_key_url": cure if card.can_replace else None,
            "check_url": self._absolute(check) if card.can_check else None,
            "disconnect_url": self._absolute(disconnect) if card.can_disconnect else None,
        }

    def _signed_out(self, page: str) -> HttpResponse:
        login = redirect_to_login(page, redirect_field_name="next" if page else None)
        document = {
            "error": "not_signed_in",
            "detail": wording.NOT_SIGNED_IN,
            "login_url": self._absolute(login.url),
        }
        headers = {"WWW-Authenticate": prompts.CHALLENGE}
        return JsonResponse(document, status=401, headers=headers)

    def _absolute(self, path: str) -> str:
        return self.request.build_absolute_uri(path)
