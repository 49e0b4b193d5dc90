"""What all processes must agree on about the service as a whole."""

from django.db import IntegrityError, OperationalError, models, transaction
from django.utils.translation import gettext_lazy as _

from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.contention import is_contention
from buffer_connect.models.link import BufferLink


class ServiceStateQuerySet(models.QuerySet["ServiceState"]):
    def put(self, name: str, **columns: object) -> None:
        """Set `columns` of the row `name`, making the row when it is missing."""
        rows = self.using(BufferLink.written_on())
        if rows.filter(name=name).update(**columns):
            return
        try:
            with transaction.atomic(using=rows.db):
                rows.create(name=name, **columns)
        except IntegrityError:
            rows.filter(name=name).update(**columns)

    def tick(self) -> None:
        """Note that the beat task runs, unless another one is noting it now."""
        try:
            self.put("beat", updated_at=DatabaseNow())
        except OperationalError as error:
            if not is_contention(error):
                raise


class ServiceState(models.Model):
    """One shared state, by name: the `breaker`, and the last tick of the `beat`."""

    name = models.CharField(max_length=20, primary_key=True)
    # SHA-256 of the client id and secret to which the state belongs.
    key = models.CharField(max_length=64, blank=True)
    opened_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)
    tokens = models.FloatField(null=True)
    updated_at = models.DateTimeField(null=True)

    objects = ServiceStateQuerySet.as_manager()

    class Meta:
        verbose_name = _("service state")
        verbose_name_plural = _("service states")

    def __str__(self) -> str:
        return self.name
