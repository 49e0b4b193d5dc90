"""What the app does when the site deletes a link or its user."""

import logging
from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from buffer_connect.exceptions import DecryptionFailed
from buffer_connect.models import BufferLink, PendingRevocation

logger = logging.getLogger(__name__)


@receiver(pre_delete, sender=BufferLink)
def keep_for_revocation(instance: BufferLink, **kwargs: Any) -> None:
    """Keep the refresh token of a link that is deleted, so that Buffer can be told."""
    try:
        token = instance.open_refresh_token()
    except DecryptionFailed as error:
        # A key that is missing is never a reason to refuse a deletion.
        logger.error("link=%s revocation=lost error=%s", instance.uid, type(error).__name__)
        return
    if token is not None:
        PendingRevocation.objects.post(
            token, account_key=instance.account_key, instance=instance.instance
        )
