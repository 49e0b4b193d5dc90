"""The app, as INSTALLED_APPS names it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BufferConnectConfig(AppConfig):
    name = "buffer_connect"
    verbose_name = _("Buffer")
    # Django 6.0 changed the default; the migrations must not follow a site's setting.
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the checks and the receivers."""
        from buffer_connect import receivers  # noqa: F401, PLC0415
