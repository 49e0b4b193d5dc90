import os
import signal
import subprocess
import sys
import time

import pytest
from django.core.management import CommandError, call_command

from buffer_connect import tasks
from buffer_connect.models import ServiceState
from buffer_connect.schedule import beat_schedule
from tests.links import held, link_to, make_due


@pytest.fixture
def link(sandbox, user):
    link = link_to(sandbox, user)
    make_due(link)
    return link


def test_the_beat_task_refreshes(link):
    tasks.refresh_due_links()
    assert held(link).generation == 2


def test_the_beat_task_leaves_a_sign_of_life(db):
    tasks.refresh_due_links()
    assert ServiceState.objects.get(name="beat").updated_at is not None


def test_the_tasks_have_the_names_of_the_schedule(db):
    named = {entry["task"] for entry in beat_schedule().values()}
    assert named == {tasks.refresh_due_links.name, tasks.clean_up.name}


def test_the_tasks_keep_no_results():
    assert tasks.refresh_due_links.ignore_result
    assert tasks.clean_up.ignore_result


def test_cron_can_do_without_celery(link, capsys):
    call_command("buffer_refresh")
    assert held(link).generation == 2
    assert "1" in capsys.readouterr().out


def test_a_loop_without_a_pause_is_refused(db):
    with pytest.raises(CommandError, match="positive"):
        call_command("buffer_refresh", loop=True, every=0.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_loop_ends_when_it_is_asked_to(database_url, number):
    command = [sys.executable, "-m", "django", "buffer_refresh", "--loop", "--every", "0.1"]
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as loop:
        loop.stdout.readline()
        time.sleep(0.2)
        loop.send_signal(number)
        assert loop.wait(10) == 0
