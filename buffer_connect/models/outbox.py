"""Refresh tokens that are to be revoked at Buffer, independent of any link."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from buffer_connect.fields import SealedField
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.link import BufferLink
from buffer_connect.sealing import Secret


class PendingRevocationQuerySet(models.QuerySet["PendingRevocation"]):
    def post(self, token: Secret, *, account_key: str, instance: str) -> "PendingRevocation":
        """Keep `token`, sealed for its own row, until Buffer has been told that it is revoked."""
        row = PendingRevocation(account_key=account_key, instance=instance)
        field = PendingRevocation._meta.get_field("token")
        row.token = field.seal(token, row=row.uid, epoch=None)
        row.created_at = row.next_attempt_at = DatabaseNow()
        row.save(using=BufferLink.written_on())
        return row


class PendingRevocation(models.Model):
    """A refresh token to revoke (RFC 7009). It outlives its link and its user: no foreign key."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account_key = models.CharField(max_length=64, db_index=True)
    instance = models.CharField(max_length=100, blank=True)
    token = SealedField(purpose="outbox")
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField()

    objects = PendingRevocationQuerySet.as_manager()

    class Meta:
        verbose_name = _("pending revocation")
        verbose_name_plural = _("pending revocations")

    def __str__(self) -> str:
        return str(self.uid)
