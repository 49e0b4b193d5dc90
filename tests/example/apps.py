"""The example project among the tests' apps: its tables, without its receivers."""

from django.apps import AppConfig


class ExampleTables(AppConfig):
    name = "example_project"
    default_auto_field = "django.db.models.BigAutoField"
