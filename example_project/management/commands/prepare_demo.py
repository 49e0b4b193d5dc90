"""Make what the demo needs in its database."""

import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand

from example_project import sandbox_control
from example_project.folder import demo_folder, kept
from example_project.views import USERNAME


class Command(BaseCommand):
    help = (
        "Migrates and makes the demo's user. With the sandbox, which forgets its grants when it "
        "stops, also removes what that user had linked in an earlier run."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        users = get_user_model().objects
        if sandbox_control.is_used():
            users.filter(username=USERNAME).delete()
        user, _ = users.get_or_create(
            username=USERNAME, defaults={"is_staff": True, "is_superuser": True}
        )
        user.set_password(password(demo_folder()))
        user.save()
        for message in (demo_folder() / "broker").glob("*/*"):
            message.unlink()


def password(folder: Path) -> str:
    """Return the demo user's password, made at the first start."""
    return kept(folder / "password", lambda: secrets.token_urlsafe(9))
