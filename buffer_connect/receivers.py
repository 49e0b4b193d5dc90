"""What the app does when the site deletes a link or its user."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from buffer_connect.models import BufferLink, PendingRevocation


@receiver(pre_delete, sender=BufferLink)
def keep_for_revocation(instance: BufferLink, **kwargs: Any) -> None:
    """Keep the refresh token of a link that is deleted, so that Buffer can be told."""
    PendingRevocation.objects.post_for(instance)
