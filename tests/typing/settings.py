"""The settings, the URLs and the schedule."""

from datetime import timedelta
from typing import Any

from django.urls import include, path, reverse

from buffer_connect.middleware import ReconnectMiddleware
from buffer_connect.schedule import beat_schedule
from buffer_connect.tasks import clean_up, refresh_due_links

BUFFER_CONNECT: dict[str, Any] = {"CLIENT_ID": "an-app", "ENCRYPTION_KEYS": []}
MIDDLEWARE = [f"{ReconnectMiddleware.__module__}.{ReconnectMiddleware.__qualname__}"]
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {**beat_schedule(timedelta(seconds=30))}

urlpatterns = [path("buffer/", include("buffer_connect.urls"))]


def addresses(uid: str) -> list[str]:
    pages = ["links", "connect", "callback", "api_key"]
    buttons = ["disconnect", "check"]
    return [
        *(reverse(f"buffer_connect:{name}") for name in pages),
        *(reverse(f"buffer_connect:{name}", args=[uid]) for name in buttons),
    ]


def run_now() -> None:
    refresh_due_links()
    clean_up()
