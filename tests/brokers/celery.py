"""The Celery app of the tests' site."""

import os

from celery import Celery, shared_task

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.brokers.settings")

app = Celery("tests.brokers")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@shared_task(name="tests.brokers.call", ignore_result=True)
def call(link_uid):
    """Ask for the access token of a link, as a site's own task does."""
    # The models are there only when the app is.
    from buffer_connect.client import BufferClient  # noqa: PLC0415
    from buffer_connect.models import BufferLink  # noqa: PLC0415

    BufferClient(BufferLink.objects.get(uid=link_uid)).get_access_token()
