"""Make what the demo needs in its database."""

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand

from example_project.folder import kept

USERNAME = "demo"


class Command(BaseCommand):
    help = (
        "Migrates and makes the demo's user. With the sandbox, which forgets its grants when it "
        "stops, also removes what that user had linked in an earlier run."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        if settings.USES_SANDBOX:
            User.objects.filter(username=USERNAME).delete()
        user, _ = User.objects.get_or_create(
            username=USERNAME, defaults={"is_staff": True, "is_superuser": True}
        )
        user.set_password(password(settings.DEMO_FOLDER))
        user.save()
        for message in (settings.DEMO_FOLDER / "broker").glob("*/*"):
            message.unlink()


def password(folder: Path) -> str:
    """Return the demo user's password, made at the first start."""
    return kept(folder / "password", lambda: secrets.token_urlsafe(9))
