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

    def make(self, name: str) -> bool:
        """Make the row `name` if it is missing; return whether this call did."""
        try:
            return self.using(BufferLink.written_on()).get_or_create(name=name)[1]
        except OperationalError as error:
            if is_contention(error):
                return False
            raise

    def lock(self, name: str) -> None:
        """Let nobody else lock the row `name` until the transaction ends; make it when missing."""
        # SQLite has no SELECT FOR UPDATE.
        self.put(name, key="")

    def tick(self) -> None:
        """Note that the beat task runs, unless another one is noting it now."""
        try:
            self.put("beat", updated_at=DatabaseNow())
        except OperationalError as error:
            if not is_contention(error):
                raise


class ServiceState(models.Model):
    """One shared state, by name: `breaker`, `brake`, `bucket`, and the last tick of the `beat`."""

    name = models.CharField(max_length=20, primary_key=True)
    # The breaker's: SHA-256 of the client id and secret to which it belongs.
    key = models.CharField(max_length=64, blank=True)
    # Since when the breaker is open, or the brake is on.
    opened_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)
    # The bucket's: refreshes that may be sent, as of `updated_at`.
    tokens = models.FloatField(null=True)
    # Of the brake: when it was taken off; what was refused until then counts no more.
    updated_at = models.DateTimeField(null=True)

    objects = ServiceStateQuerySet.as_manager()

    class Meta:
        verbose_name = _("service state")
        verbose_name_plural = _("service states")

    def __str__(self) -> str:
        return self.name
