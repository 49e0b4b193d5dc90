"""The entries for `CELERY_BEAT_SCHEDULE`; reads no settings, names the tasks by string."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

SWEEP_EVERY = timedelta(seconds=60)
CLEAN_UP_EVERY = timedelta(minutes=5)


def beat_schedule(every: timedelta = SWEEP_EVERY) -> dict[str, dict[str, Any]]:
    """Return the beat entries of this app, to be merged into `CELERY_BEAT_SCHEDULE`.

    `every` is the time between two sweeps for links that are due. A message that no worker
    took before the next one was sent expires. Raises `ValueError` unless `every` is positive.
    """
    if every <= timedelta(0):
        raise ValueError("beat_schedule(every=…) takes a positive timedelta.")
    return {
        "buffer-connect-refresh-due-links": _entry("refresh_due_links", every),
        "buffer-connect-clean-up": _entry("clean_up", CLEAN_UP_EVERY),
    }


def _entry(task: str, every: timedelta) -> dict[str, Any]:
    return {
        "task": f"buffer_connect.tasks.{task}",
        "schedule": every,
        "options": {"expires": every.total_seconds()},
    }
