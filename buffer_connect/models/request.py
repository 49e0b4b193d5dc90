"""Authorization requests: what was asked of Buffer, until the user comes back."""

import uuid
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from buffer_connect.fields import ScopesField, SealedField
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.contention import is_won
from buffer_connect.models.link import BufferLink
from buffer_connect.sealing import Secret

LIFE = timedelta(minutes=10)
PENDING_PER_USER = 10
# Long enough that a reloaded callback page still finds where its user wanted to go.
KEPT_FOR = timedelta(days=1)
# The exchange of the code and the question whose account it is take no longer.
CARRIED_OUT_WITHIN = timedelta(minutes=1)
# Tries, after which nothing waits any more for users who never had a link of the account.
WAITS_FOR_ANYBODY = 10


class AuthorizationRequestQuerySet(models.QuerySet["AuthorizationRequest"]):
    def pending(self) -> "AuthorizationRequestQuerySet":
        """Requests whose user may still come back, by the database's clock."""
        return self.filter(consumed_at=None, expires_at__gt=DatabaseNow())

    def stale(self) -> "AuthorizationRequestQuerySet":
        """Requests of which nothing is wanted any more."""
        return self.filter(expires_at__lt=DatabaseNow() - KEPT_FOR)

    def underway(self) -> "AuthorizationRequestQuerySet":
        """Requests that are just being carried out, and nobody knows yet for which account.

        Tokens may have been given out for them, on a grant that is there already, and the link
        that will hold them is not.
        """
        return self.filter(outcome="", consumed_at__gt=DatabaseNow() - CARRIED_OUT_WITHIN)

    def may_be_for(self, account_key: str, *, tries: int) -> "AuthorizationRequestQuerySet":
        """Those of them that may be for this Buffer account.

        Where somebody connects all the time, what was put off for `tries` times waits for some only.
        """
        underway = self.underway()
        return underway if tries < WAITS_FOR_ANYBODY else underway.of_users_with(account_key)

    def of_users_with(self, account_key: str) -> "AuthorizationRequestQuerySet":
        """Requests of users who have, or have had, a link of this Buffer account."""
        links = BufferLink.objects.filter(account_key=account_key, kind=BufferLink.Kind.OAUTH)
        return self.filter(user__in=links.values("user"))

    def consume(self) -> bool:
        """Take the one request selected, if it is pending still; return whether this call did."""
        pending = self.pending()
        return is_won(lambda: pending.update(consumed_at=DatabaseNow()), using=self.db)

    def drop_oldest(self, user: Any) -> None:
        """Delete the oldest pending requests of `user` beyond `PENDING_PER_USER`."""
        pending = self.filter(user=user).pending()
        newest = pending.order_by("-pk").values_list("pk", flat=True)
        # By number and not by exclusion: what another tab begins meanwhile stays.
        if oldest_kept := newest[PENDING_PER_USER - 1 : PENDING_PER_USER].first():
            pending.filter(pk__lt=oldest_kept).delete()


class AuthorizationRequest(models.Model):
    """One authorization request (RFC 6749 section 4.1.1), bound to a user and a browser session."""

    class Outcome(models.TextChoices):
        # The user has not come back, or the code is being exchanged.
        OPEN = "", _("open")
        # It made or renewed a link.
        LINKED = "linked", _("linked")
        # It came to nothing.
        FAILED = "failed", _("failed")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state_hash = models.CharField(max_length=64, unique=True)
    session_hash = models.CharField(max_length=64)
    verifier = SealedField(purpose="authorization verifier", null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    link = models.ForeignKey(BufferLink, on_delete=models.SET_NULL, null=True, related_name="+")
    redirect_uri = models.TextField()
    scopes = ScopesField(default=list)
    next_url = models.TextField(blank=True)
    expires_at = models.DateTimeField()
    consumed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)

    objects = AuthorizationRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("authorization request")
        verbose_name_plural = _("authorization requests")
        indexes = (models.Index(fields=["expires_at"], name="buffer_request_expiry"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome="") | Q(verifier=None), name="buffer_request_done_is_empty"
            ),
        )

    def __str__(self) -> str:
        return str(self.uid)

    def seal_verifier(self, verifier: Secret) -> None:
        """Put `verifier` into the row, sealed."""
        self.verifier = _verifier_field().seal(verifier, row=self.uid, epoch=None)

    def open_verifier(self) -> Secret:
        """Return the code verifier. Raises `DecryptionFailed`."""
        return _verifier_field().open(cast("bytes", self.verifier), row=self.uid, epoch=None)

    def close(self, outcome: str) -> None:
        """Note what became of the request and forget its verifier."""
        self.outcome, self.verifier = outcome, None
        self.save(update_fields=["outcome", "verifier"])


def _verifier_field() -> SealedField:
    return AuthorizationRequest._meta.get_field("verifier")
