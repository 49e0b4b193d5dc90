"""The Celery app of the tests' site."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.brokers.settings")

app = Celery("tests.brokers")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
