"""One user's connection to one Buffer account."""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Self, cast

from django.conf import settings
from django.db import models, router
from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from buffer_connect.conf import conf
from buffer_connect.fields import ScopesField, SealedField
from buffer_connect.models.adoption import AdoptingQuerySet
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.sealing import Secret

# Of the uid, in the name of an account that has none: one user has few of them.
CODE_DIGITS = 4


class BufferLinkQuerySet(AdoptingQuerySet):
    def for_user(self, user: Any) -> Self:
        """The links of `user`, whatever their status; none of who is not signed in."""
        is_anonymous = getattr(user, "pk", user) is None
        return self.none() if is_anonymous else self.filter(user=user)

    def active(self) -> Self:
        """The links whose tokens may be used."""
        return self.filter(status=BufferLink.Status.ACTIVE)

    def revoked(self) -> Self:
        """The links that ended without their user having asked for it here."""
        return self.filter(status=BufferLink.Status.REVOKED)

    def held_back(self) -> Self:
        """The active links that Buffer refused while the brake was on."""
        return self.active().filter(refused_generation=F("generation"))

    def due(self) -> Self:
        """The active links whose next refresh is due, and those that never have one."""
        never = Q(refresh_due_at=None)
        return self.active().filter(never | Q(refresh_due_at__lte=DatabaseNow()))

    def with_scopes(self, *scopes: str) -> Self:
        """The links that may do all of `scopes`, as `has_scopes`."""
        is_key = Q(kind=BufferLink.Kind.API_KEY)
        return self.filter(*(is_key | Q(granted_scopes__contains=f" {each} ") for each in scopes))

    def ours(self) -> Self:
        """The links that belong to this INSTANCE of the site, or to none yet."""
        name = conf.instance
        return self if name is None else self.filter(instance__in=("", name))

    def elsewhere(self) -> Self:
        """The links that belong to another instance of the site; this one leaves them alone."""
        name = conf.instance
        return self.none() if name is None else self.exclude(instance__in=("", name))

    def unnamed(self) -> Self:
        """The links that belong to no instance, where this site has a name to give."""
        return self.none() if conf.instance is None else self.filter(instance="")

    def as_held(self) -> Self:
        """Rows read for a decision: from the database that is written to, with its clock."""
        return self.using(BufferLink.written_on()).annotate(database_now=DatabaseNow())

    def siblings(self, link: "BufferLink") -> Self:
        """The other OAuth links of `link`'s Buffer account, of any user; they may share its grant."""
        same_account = self.filter(account_key=link.account_key, kind=BufferLink.Kind.OAUTH)
        return same_account.exclude(pk=link.pk)


class BufferLink(models.Model):
    """A user's Buffer account, with the tokens that speak for it.

    Written by `save()` once, when it is made; afterwards all but the account's profile only by the
    statements of `buffer_connect.models.statements`.
    """

    class Kind(models.TextChoices):
        # Authorized at Buffer; its access token is refreshed.
        OAUTH = "oauth", _("authorized at Buffer")
        # A personal key that was pasted; it is never refreshed.
        API_KEY = "api_key", _("API key")

    class Status(models.TextChoices):
        # Its tokens may be used.
        ACTIVE = "active", _("connected")
        # It ended without the user asking for it here; `reason` says why.
        REVOKED = "revoked", _("ended")
        # The user ended it here; its tokens and profile are wiped.
        DISCONNECTED = "disconnected", _("disconnected")

    class Reason(models.TextChoices):
        # Buffer refused a refresh token that nothing here explains.
        REVOKED_AT_BUFFER = "revoked_at_buffer", _("ended by Buffer")
        # A single-use refresh token was used a second time.
        REFRESH_TOKEN_REUSED = "refresh_token_reused", _("a used token was sent again")
        # The answer to a refresh never arrived, and the access token has ended since.
        ANSWER_LOST = "answer_lost", _("the connection was lost")
        # The API refused an API key, or an access token that a forced refresh had just given.
        UNAUTHORIZED = "unauthorized", _("refused by Buffer's API")
        # Its life, or that of its access token, is over.
        EXPIRED = "expired", _("expired")
        # The database was copied or restored, and the token had been used elsewhere.
        CLONED_OR_RESTORED = "cloned_or_restored", _("used by a copy of this site")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.OAUTH)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="buffer_links",
        # The unique constraint begins with it; every refresh writes into every index.
        db_index=False,
    )

    # SHA-256 of the account id: MariaDB's default collation takes "AbC" and "abc " for equal.
    account_key = models.CharField(max_length=64)
    account_id = models.CharField(max_length=255, blank=True)
    account_email = models.CharField(max_length=320, blank=True)
    account_name = models.CharField(max_length=255, blank=True)
    organizations = models.JSONField(default=list, blank=True)

    epoch = models.UUIDField(default=uuid.uuid4)
    connected_at = models.DateTimeField(null=True)
    generation = models.PositiveBigIntegerField(default=1)
    refresh_token = SealedField(purpose="link refresh token", null=True)
    access_token = SealedField(purpose="link access token", null=True)
    refresh_token_digest = models.CharField(max_length=160, blank=True)
    expires_at = models.DateTimeField(null=True)
    granted_scopes = ScopesField(default=list, blank=True)
    refresh_due_at = models.DateTimeField(null=True)

    status = models.CharField(max_length=20, choices=Status)
    reason = models.CharField(max_length=40, choices=Reason, blank=True)
    status_changed_at = models.DateTimeField(null=True)

    lease_owner = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    sent_generation = models.PositiveBigIntegerField(null=True)
    sent_at = models.DateTimeField(null=True)
    sent_ended_at = models.DateTimeField(null=True)
    sent_count = models.PositiveIntegerField(default=0)
    anomaly_at = models.DateTimeField(null=True)
    rejected_generation = models.PositiveBigIntegerField(null=True)
    forced_at = models.DateTimeField(null=True)
    refused_generation = models.PositiveBigIntegerField(null=True)
    refused_reason = models.CharField(max_length=40, choices=Reason, blank=True)
    restored_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    last_refreshed_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    instance = models.CharField(max_length=100, blank=True)

    # The database's clock when the row was read; set by `as_held()`.
    database_now: datetime

    objects = BufferLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("Buffer link")
        verbose_name_plural = _("Buffer links")
        indexes = (
            models.Index(fields=["status", "refresh_due_at"], name="buffer_link_due"),
            models.Index(fields=["account_key"], name="buffer_link_siblings"),
            models.Index(fields=["refresh_token_digest"], name="buffer_link_twins"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["user", "kind", "account_key"], name="buffer_link_account"
            ),
            models.CheckConstraint(
                condition=Q(status="active")
                | Q(refresh_token=None, access_token=None)
                | Q(status="revoked", reason="unauthorized"),
                name="buffer_link_ended_is_empty",
            ),
            models.CheckConstraint(
                condition=~Q(kind="oauth") | Q(expires_at__isnull=False),
                name="buffer_link_oauth_expires",
            ),
            models.CheckConstraint(
                condition=~Q(kind="api_key")
                | Q(refresh_token=None, refresh_due_at=None, expires_at=None),
                name="buffer_link_key_is_constant",
            ),
        )

    def __str__(self) -> str:
        return self.account_name or self.account_email or self._nameless()

    def __repr__(self) -> str:
        return f"<BufferLink {self.uid} {self.status}>"

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def is_api_key(self) -> bool:
        """Whether it is a key that its user pasted: without scopes, without an end."""
        return self.kind == self.Kind.API_KEY

    @property
    def is_checkable(self) -> bool:
        """Whether it ended because the API refused it, which may have passed."""
        return self.status == self.Status.REVOKED and self.reason == self.Reason.UNAUTHORIZED

    @property
    def is_replaceable(self) -> bool:
        """Whether it is an API key, and its user may put another into its place."""
        return self.is_api_key and conf.allow_api_keys

    @property
    def is_rejected(self) -> bool:
        """Whether the API answered 401 to the access token that is held."""
        return self.rejected_generation == self.generation

    @property
    def is_ours(self) -> bool:
        """Whether it belongs to this INSTANCE of the site, or to none yet."""
        name = conf.instance
        return name is None or self.instance in ("", name)

    @property
    def in_doubt(self) -> bool:
        """Whether the refresh token that is held may have been used already."""
        return self.sent_generation == self.generation

    @property
    def is_held_back(self) -> bool:
        """Whether Buffer refused what it holds, while the brake was on, and it did not end yet."""
        return self.is_active and self.refused_generation == self.generation

    @property
    def life_left(self) -> timedelta:
        """How long the access token lives on, by the database's clock; for rows `as_held()`.

        An API key has no end.
        """
        if self.expires_at is None:
            return timedelta.max
        return self.expires_at - self.database_now

    @property
    def unused_for(self) -> timedelta | None:
        """How long ago a call was noted, by the database's clock; None: never. As `life_left`."""
        return None if self.last_used_at is None else self.database_now - self.last_used_at

    def has_scopes(self, *scopes: str) -> bool:
        """Return whether the user granted every one of `scopes`; an API key may do everything."""
        return not self.missing_scopes(scopes)

    def missing_scopes(self, scopes: Iterable[str]) -> list[str]:
        """Return those of `scopes` that the user did not grant, in the order given."""
        if self.is_api_key:
            return []
        return [scope for scope in scopes if scope not in self.granted_scopes]

    def open_refresh_token(self) -> Secret | None:
        """Return the refresh token, or None where there is none. Raises `DecryptionFailed`."""
        return self._opened("refresh_token")

    def open_access_token(self) -> Secret | None:
        """Return the access token, or None where there is none. Raises `DecryptionFailed`."""
        return self._opened("access_token")

    def _nameless(self) -> str:
        """Return what people can tell this account by: a date, and digits that a search finds."""
        code = self.uid.hex[:CODE_DIGITS]
        if self.connected_at is None:
            return _("Buffer account %(code)s") % {"code": code}
        date = date_format(localtime(self.connected_at))
        return _("Buffer account %(code)s (connected on %(date)s)") % {"code": code, "date": date}

    def _opened(self, column: str) -> Secret | None:
        blob = getattr(self, column)
        if blob is None:
            return None
        return sealed_column(column).open(blob, row=self.uid, epoch=self.epoch)

    @classmethod
    def written_on(cls) -> str:
        """Return the alias of the database that takes the writes; the protocol reads there too."""
        return router.db_for_write(cls)


def account_key(account_id: str) -> str:
    """Return the SHA-256 by which links of the Buffer account `account_id` are found."""
    return hashlib.sha256(account_id.encode()).hexdigest()


def sealed_column(column: str) -> SealedField:
    """Return the sealed field of `BufferLink` that is named `column`."""
    return cast("SealedField", BufferLink._meta.get_field(column))
