import subprocess
import sys
from datetime import timedelta

import pytest

from buffer_connect.schedule import beat_schedule


def test_the_sweep_runs_every_minute():
    entry = beat_schedule()["buffer-connect-refresh-due-links"]
    assert entry["task"] == "buffer_connect.tasks.refresh_due_links"
    assert entry["schedule"] == timedelta(seconds=60)


def test_the_interval_of_the_sweep_can_be_chosen():
    entry = beat_schedule(every=timedelta(seconds=5))["buffer-connect-refresh-due-links"]
    assert entry["schedule"] == timedelta(seconds=5)


def test_every_entry_expires_when_the_next_one_is_due():
    entries = beat_schedule().values()
    assert [entry["options"]["expires"] for entry in entries] == [
        entry["schedule"].total_seconds() for entry in entries
    ]


def test_clean_up_is_among_the_entries():
    tasks = {entry["task"] for entry in beat_schedule().values()}
    assert tasks == {
        "buffer_connect.tasks.refresh_due_links",
        "buffer_connect.tasks.clean_up",
    }


@pytest.mark.parametrize("every", [timedelta(0), timedelta(seconds=-1)])
def test_an_interval_that_is_not_positive_is_refused(every):
    with pytest.raises(ValueError, match="positive"):
        beat_schedule(every=every)


def test_the_schedule_needs_neither_django_nor_celery():
    code = (
        "import sys, buffer_connect.schedule;"
        "print(sorted({'django', 'celery'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
