"""The history of links: what changed, when, and whether the site has been told."""

import uuid
from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from buffer_connect.conf import conf
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.link import BufferLink


class LinkEventQuerySet(models.QuerySet["LinkEvent"]):
    def ours(self) -> "LinkEventQuerySet":
        """Events of the links of this INSTANCE, and those of which no link is left."""
        name = conf.instance
        if name is None:
            return self
        return self.filter(Q(link=None) | Q(link__instance__in=("", name)))

    def of_account(self, link: BufferLink) -> "LinkEventQuerySet":
        """Events of all OAuth links of `link`'s Buffer account, its own among them."""
        same = {"link__account_key": link.account_key, "link__kind": BufferLink.Kind.OAUTH}
        return self.using(BufferLink.written_on()).filter(**same)

    def unannounced(self) -> "LinkEventQuerySet":
        """State changes whose signal may not have been sent, oldest first."""
        return self.filter(announced_at=None, kind__in=LinkEvent.ANNOUNCED).order_by("pk")

    def settled(self) -> "LinkEventQuerySet":
        """Events of which the site has been told, or need not be."""
        return self.exclude(announced_at=None, kind__in=LinkEvent.ANNOUNCED)

    def refusals(self, *, within: timedelta) -> "LinkEventQuerySet":
        """The ends of the last while that were Buffer's refusal of what a link held."""
        recent = self.filter(created_at__gt=DatabaseNow() - within)
        return recent.filter(kind=LinkEvent.Kind.REVOKED, refused=True)

    def record(self, kind: str, *, link: int | None, **facts: Any) -> "LinkEvent":
        """Write one event of the link with the id `link`, in the transaction of its cause.

        `link` is None where no link is left to speak of.
        """
        database = BufferLink.written_on()
        return self.using(database).create(
            kind=kind, link_id=link, created_at=DatabaseNow(), **facts
        )


class LinkEvent(models.Model):
    """One thing that happened to a link. Rows are added, and hold no secrets.

    Changed are `revoked_at_buffer`, when Buffer answers in time for the signal, and `announced_at`.
    """

    class Kind(models.TextChoices):
        # A user authorized this site, for the first time or again.
        CONNECTED = "connected", _("connected")
        # The answer to a refresh came after the link had been given up.
        RECOVERED = "recovered", _("recovered")
        # The link ended; `reason` says why.
        REVOKED = "revoked", _("ended")
        # The API accepts a link that had ended because it did not.
        RESTORED = "restored", _("accepted again")
        # Its user ended the link here; `revoked_at_buffer` says whether Buffer knows.
        DISCONNECTED = "disconnected", _("disconnected")
        # Buffer was never told that a permission has ended. It has no link: that may be gone.
        NOT_TOLD = "not_told", _("Buffer not told")
        # A refresh token went out a second time because the first answer was lost.
        RESENT = "resent", _("sent again")

    # The kinds that change a link's status: a signal tells of each, at least once.
    ANNOUNCED = (
        Kind.CONNECTED,
        Kind.RECOVERED,
        Kind.REVOKED,
        Kind.RESTORED,
        Kind.DISCONNECTED,
    )

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    link = models.ForeignKey(BufferLink, on_delete=models.CASCADE, null=True, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind)
    reason = models.CharField(max_length=40, choices=BufferLink.Reason, blank=True)
    epoch = models.UUIDField(null=True)
    generation = models.PositiveBigIntegerField(null=True)
    # Whether the link was new; for CONNECTED only.
    created = models.BooleanField(default=False)
    # Whether Buffer refused what the link held, rather than that its time was up; for REVOKED only.
    refused = models.BooleanField(default=False)
    # For DISCONNECTED only. None: there was nothing to revoke, or another link lives on it.
    revoked_at_buffer = models.BooleanField(null=True)
    created_at = models.DateTimeField()
    announced_at = models.DateTimeField(null=True)

    objects = LinkEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("link event")
        verbose_name_plural = _("link events")
        indexes = (
            models.Index(fields=["announced_at", "created_at"], name="buffer_event_unannounced"),
            models.Index(fields=["created_at"], name="buffer_event_recent"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.get_reason_display()}".strip()
