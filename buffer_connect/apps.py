"""The app, as INSTALLED_APPS names it."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class BufferConnectConfig(AppConfig):
    name = "buffer_connect"
    verbose_name = _("Buffer")
    # Django 6.0 changed the default; the migrations must not follow a site's setting.
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the checks, the receivers, and the flow behind `BufferLink.objects.adopt`."""
        from buffer_connect import checks, receivers  # noqa: F401, PLC0415
        from buffer_connect.flows import adopt  # noqa: PLC0415
        from buffer_connect.models.adoption import AdoptingQuerySet  # noqa: PLC0415

        AdoptingQuerySet.keep = adopt.keep
        for check in checks.CHECKS:
            register(check, self.label)
        for check in checks.DEPLOY_CHECKS:
            register(check, self.label, deploy=True)
        for check in checks.DATABASE_CHECKS:
            register(check, self.label, Tags.database)
