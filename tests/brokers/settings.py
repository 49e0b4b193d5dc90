"""The tests' site for Celery workers: its broker and its Buffer come from the environment."""

import json
import os
from datetime import timedelta

from buffer_connect.schedule import beat_schedule
from tests.settings import *  # noqa: F403
from tests.settings import BUFFER_CONNECT

BUFFER_CONNECT = {**BUFFER_CONNECT, **json.loads(os.environ["SITE_BUFFER_CONNECT"])}
BUFFER_CONNECT["TIMING"] = {"IN_FLIGHT": 4, "CALL_WAIT": timedelta(seconds=1)}

CELERY_BROKER_URL = os.environ["SITE_BROKER_URL"]
CELERY_TASK_DEFAULT_QUEUE = os.environ["SITE_QUEUE"]
CELERY_BROKER_TRANSPORT_OPTIONS = json.loads(os.environ["SITE_TRANSPORT_OPTIONS"])
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BEAT_SCHEDULE = {**beat_schedule(every=timedelta(seconds=1))}
# The harshest choice that a site can make: a task whose worker dies is done again.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
