"""Who asked for what: Django's own log of the admin."""

from collections.abc import Iterable
from typing import cast

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest

from buffer_connect.models import BufferLink


def write(request: HttpRequest, links: Iterable[BufferLink], flag: int, message: str = "") -> None:
    """Log one entry for each of `links`.

    It names the link by its uid: the account's name is wiped when the link is disconnected, and
    the log is kept.
    """
    content_type = ContentType.objects.get_for_model(BufferLink)
    entries = [
        LogEntry(
            user_id=cast("int", request.user.pk),
            content_type=content_type,
            object_id=str(link.pk),
            object_repr=str(link.uid),
            action_flag=flag,
            change_message=message,
        )
        for link in links
    ]
    LogEntry.objects.bulk_create(entries)
