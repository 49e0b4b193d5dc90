"""Views that need the user's Buffer account, and receivers of the signals."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.views import View

from buffer_connect.decorators import buffer_link_required
from buffer_connect.exceptions import BufferConnectError
from buffer_connect.models import BufferLink
from buffer_connect.responses import error_response
from buffer_connect.signals import (
    link_connected,
    link_disconnected,
    link_refresh_failed,
    link_refreshed,
    link_revoked,
)


class LinkedRequest(HttpRequest):
    """What a view gets behind `buffer_link_required`."""

    buffer_link: BufferLink


@buffer_link_required("posts:write")
def share(request: LinkedRequest) -> HttpResponse:
    return HttpResponse(request.buffer_link.account_name)


@buffer_link_required(link_kwarg="uid")
class Posts(View):
    def get(self, request: LinkedRequest, uid: UUID) -> HttpResponse:
        return HttpResponse(request.buffer_link.account_name)


def refused(request: HttpRequest, error: BufferConnectError) -> HttpResponse:
    return error_response(request, error) or HttpResponse(status=500)


@receiver(link_connected, sender=BufferLink)
def connected(
    sender: type[BufferLink],
    link: BufferLink,
    request: HttpRequest | None,
    created: bool,
    event_id: UUID,
    **kwargs: Any,
) -> None: ...


@receiver(link_refreshed, sender=BufferLink)
def refreshed(sender: type[BufferLink], link: BufferLink, **kwargs: Any) -> None: ...


@receiver(link_refresh_failed, sender=BufferLink)
def failed(
    sender: type[BufferLink],
    link: BufferLink,
    error: str,
    retry_at: datetime | None,
    **kwargs: Any,
) -> None: ...


@receiver(link_revoked, sender=BufferLink)
def revoked(
    sender: type[BufferLink], link: BufferLink, reason: str, event_id: UUID, **kwargs: Any
) -> None: ...


@receiver(link_disconnected, sender=BufferLink)
def disconnected(
    sender: type[BufferLink],
    link: BufferLink,
    request: HttpRequest | None,
    revoked_at_buffer: bool | None,
    event_id: UUID,
    **kwargs: Any,
) -> None: ...
