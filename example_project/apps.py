"""The example site's own app."""

from django.apps import AppConfig


class ExampleConfig(AppConfig):
    name = "example_project"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers, and make the Celery app the one that tasks belong to."""
        from example_project import celery, receivers  # noqa: F401, PLC0415

        receivers.connect()
