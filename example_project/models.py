"""What the example site keeps itself."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class UsualLink(models.Model):
    """A user's Buffer tokens as sites usually keep them; see `naive`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    # Which of the two ways to refresh in `naive` this link is used with.
    row_lock = models.BooleanField()
    access_token = models.TextField()
    refresh_token = models.TextField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "row_lock"], name="usual_link_way"),)

    def __str__(self) -> str:
        return "usual code with a row lock" if self.row_lock else "usual code"


class Line(models.Model):
    """One line of a card's timeline."""

    class Card(models.TextChoices):
        # What the package's signals told.
        PACKAGE = "package"
        # What went through the worker's log of the usual code.
        USUAL = "usual"
        ROW_LOCK = "row_lock"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    card = models.CharField(max_length=20, choices=Card)
    # The package's link, by its uid; empty for the usual code, which has one a card.
    link_uid = models.UUIDField(null=True)
    text = models.CharField(max_length=300)
    is_bad = models.BooleanField(default=False)
    # Signals of state changes come at least once; this tells repeats.
    event_id = models.UUIDField(null=True, unique=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return self.text
