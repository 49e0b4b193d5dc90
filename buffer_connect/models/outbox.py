"""Refresh tokens that are to be revoked at Buffer, independent of any link."""

import logging
import uuid
from datetime import timedelta
from typing import cast

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from buffer_connect.conf import conf
from buffer_connect.exceptions import DecryptionFailed
from buffer_connect.fields import SealedField
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.contention import is_won
from buffer_connect.models.link import BufferLink
from buffer_connect.sealing import Secret

logger = logging.getLogger(__name__)

# Longer than a request takes: whoever took a row and died gives it back after this.
TAKEN_FOR = timedelta(seconds=60)
# An idle refresh token lives no longer (see `buffer_connect.oauth.lives`).
OWED_FOR = timedelta(days=14)


class PendingRevocationQuerySet(models.QuerySet["PendingRevocation"]):
    def post(self, token: Secret, *, account_key: str, instance: str) -> "PendingRevocation":
        """Keep `token`, sealed for its own row, until Buffer has been told that it is revoked.

        `instance` is that of its link; where that has none yet, the token is this instance's.
        """
        owner = instance or conf.instance or ""
        row = PendingRevocation(account_key=account_key, instance=owner)
        row.token = _token_field().seal(token, row=row.uid, epoch=None)
        row.created_at = row.next_attempt_at = DatabaseNow()
        row.save(using=BufferLink.written_on())
        return row

    def post_for(self, link: BufferLink) -> "PendingRevocation | None":
        """Keep the refresh token that `link` holds; None when there is none that opens.

        A key that is missing is never a reason to keep a link whose user wants to be rid of it.
        """
        if link.refresh_token is None:
            return None
        try:
            token = cast("Secret", link.open_refresh_token())
            return self.post(token, account_key=link.account_key, instance=link.instance)
        except (DecryptionFailed, ImproperlyConfigured) as error:
            cause = type(error).__name__
        logger.error("link=%s revocation=lost error=%s", link.uid, cause)
        return None

    def ours(self) -> "PendingRevocationQuerySet":
        """Rows that are for this INSTANCE of the site to send."""
        name = conf.instance
        return self if name is None else self.filter(instance__in=("", name))

    def elsewhere(self) -> "PendingRevocationQuerySet":
        """Rows that are for another instance of the site to send."""
        name = conf.instance
        return self.none() if name is None else self.exclude(instance__in=("", name))

    def due(self) -> "PendingRevocationQuerySet":
        """Rows that may be sent now, the longest due first."""
        rows = self.using(BufferLink.written_on()).ours()
        return rows.filter(next_attempt_at__lte=DatabaseNow()).order_by("next_attempt_at", "pk")

    def hopeless(self) -> "PendingRevocationQuerySet":
        """Rows whose token nobody can use any more, told or not."""
        rows = self.using(BufferLink.written_on()).ours()
        return rows.filter(created_at__lt=DatabaseNow() - OWED_FOR)


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

    def open_token(self) -> Secret:
        """Return the refresh token. Raises `DecryptionFailed`."""
        return _token_field().open(cast("bytes", self.token), row=self.uid, epoch=None)

    def take(self) -> bool:
        """Become the one who sends it, for `TAKEN_FOR`; return whether this call did."""
        mine = PendingRevocation.objects.due().filter(pk=self.pk)
        taken = {"attempts": F("attempts") + 1, "next_attempt_at": DatabaseNow() + TAKEN_FOR}
        return is_won(lambda: mine.order_by().update(**taken), using=mine.db)

    def postpone(self, delay: float) -> None:
        """Let it be sent again in `delay` seconds."""
        self._row().update(next_attempt_at=DatabaseNow() + timedelta(seconds=delay))

    def drop(self) -> bool:
        """Forget the token; return whether it was there still."""
        deleted, _ = self._row().delete()
        return deleted == 1

    def _row(self) -> "models.QuerySet[PendingRevocation]":
        return PendingRevocation.objects.using(BufferLink.written_on()).filter(pk=self.pk)


def _token_field() -> SealedField:
    return PendingRevocation._meta.get_field("token")
