import os
import signal
import subprocess
import sys
import time

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from buffer_connect import tasks
from buffer_connect.models import ServiceState
from buffer_connect.schedule import beat_schedule
from tests.links import held, link_to, make_due, tokens_of
from tests.processes import PATIENCE, starting
from tests.refresh.steps import STORE
from tests.wrapped import on_every_connection


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


@pytest.mark.long
def test_a_shutdown_amid_a_store_waits_for_it(link, database_url):
    with starting(database_url) as start:
        worker = start("task", signal_at=(STORE, "before", signal.SIGTERM))
        worker.ready().go().wait_until_ended()
    assert held(link).generation == 2


@pytest.mark.long
def test_a_loop_that_is_told_so_between_two_sweeps_ends(database_url):
    with starting(database_url) as start:
        start("loop interrupted").ready().go().wait_until_ended()


def test_the_tasks_keep_no_results():
    assert tasks.refresh_due_links.ignore_result
    assert tasks.clean_up.ignore_result


def test_cron_can_do_without_celery(link, capsys):
    call_command("buffer_refresh")
    assert held(link).generation == 2
    assert "1" in capsys.readouterr().out


@pytest.mark.parametrize("every", [0.0, float("nan"), float("inf")])
def test_a_loop_without_a_pause_or_an_end_to_it_is_refused(db, every):
    with pytest.raises(CommandError, match="positive"):
        call_command("buffer_refresh", loop=True, every=every)


@pytest.fixture
def handlers():
    """Put back the handlers of the signals that the loop listens to."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


class AwayAtFirst:
    """A database that refuses the first statement, and ends the loop with the link's first store."""

    refused = False

    def __init__(self, link):
        self.pk = link.pk

    def __call__(self, execute, sql, params, many, context):
        if not self.refused:
            self.refused = True
            raise OperationalError("the server closed the connection")
        # A thread that another test has left behind may store, too.
        if STORE in sql and params["pk"] == self.pk:
            signal.raise_signal(signal.SIGTERM)
        return execute(sql, params, many, context)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_the_loop_outlives_a_database_that_is_away(link, handlers):
    with on_every_connection(AwayAtFirst(link)):
        call_command("buffer_refresh", loop=True, every=0.1)
    assert held(link).generation == 2


@pytest.mark.long
@pytest.mark.parametrize("job", ["task", "cron"])
def test_ctrl_c_amid_a_sweep_loses_no_answer(link, sandbox, user, database_url, job):
    """As any exception that a signal raises, such as Celery's soft time limit."""
    slow = link_to(sandbox, user, account="slow")
    make_due(slow)
    sandbox.fail_next("slow", grant=sandbox.grant_of(tokens_of(slow)[1]).id, seconds=1)
    with starting(database_url) as start:
        worker = start(job, signal_at=(STORE, "before", signal.SIGINT))
        worker.ready().go().wait_until_ended(-signal.SIGINT)
    assert (held(link).generation, held(slow).generation) == (2, 2)


@pytest.mark.long
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
        assert loop.wait(PATIENCE) == 0
