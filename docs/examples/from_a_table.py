"""Hand Buffer accounts over whose tokens are in a table of the site's own."""

from django.db import transaction
from django.utils import timezone

from buffer_connect.models import BufferLink

SCOPES = ["account:read", "posts:read", "posts:write", "offline_access"]


def move_all(rows):
    """Hand over what the queryset `rows` has; return why a row was refused, by its primary key."""
    refused = {}
    for row in rows.select_related("user").iterator():
        try:
            move(row)
        except ValueError as error:
            refused[row.pk] = str(error)
    return refused


def move(row):
    with transaction.atomic():
        BufferLink.objects.adopt(
            user=row.user,
            account_id=row.account_id,
            access_token=row.access_token,
            refresh_token=row.refresh_token or None,
            expires_in=(row.expires_at - timezone.now()).total_seconds(),
            scopes=SCOPES,
        )
        row.delete()
