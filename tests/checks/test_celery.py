from datetime import timedelta

import pytest
from celery import Celery
from django.core.exceptions import ImproperlyConfigured

from buffer_connect import tasks
from buffer_connect.models import ServiceState
from buffer_connect.schedule import beat_schedule
from tests.checks.conftest import look

SWEEP = "buffer_connect.tasks.refresh_due_links"
SHORT = {"soft_time_limit": 30, "time_limit": 60}


@pytest.mark.parametrize("content", ["pickle", "application/x-python-serialize"])
def test_a_worker_that_unpickles_is_an_error(site, ids, content):
    site.CELERY_ACCEPT_CONTENT = ["json", content]
    assert ids() == ["E017"]


def test_it_is_found_in_the_celery_app_too(ids, celery_app):
    app = celery_app(accept_content={"pickle"})
    assert ids() == ["E017"], app


@pytest.mark.parametrize("task", [tasks.refresh_due_links, tasks.clean_up], ids=["sweep", "clean"])
def test_a_worker_that_unpickles_is_refused_at_run_time(site, db, task):
    site.CELERY_ACCEPT_CONTENT = ["pickle"]
    with pytest.raises(ImproperlyConfigured, match="pickle"):
        task()
    assert not ServiceState.objects.exists()


def test_the_app_comes_before_the_settings(site, ids, celery_app):
    app = celery_app(accept_content=["json"])
    site.CELERY_ACCEPT_CONTENT = ["pickle"]
    assert ids() == [], app


def test_a_beat_that_sends_nothing_draws_a_warning(site):
    del site.CELERY_BEAT_SCHEDULE
    ((number, message),) = look()
    assert number == "W003"
    assert SWEEP in message.msg
    assert "beat_schedule()" in message.hint
    assert "SILENCED_SYSTEM_CHECKS" in message.hint


def test_only_the_missing_entry_is_named(site):
    every = beat_schedule()
    site.CELERY_BEAT_SCHEDULE = {"mine": every["buffer-connect-refresh-due-links"]}
    ((_, message),) = look()
    assert "clean_up" in message.msg
    assert SWEEP not in message.msg


def test_entries_are_known_by_their_task(site, ids):
    site.CELERY_BEAT_SCHEDULE = dict(enumerate(beat_schedule().values()))
    assert ids() == []


def test_a_scheduler_of_the_sites_own_may_keep_its_entries_elsewhere(site, ids):
    site.CELERY_BEAT_SCHEDULE = {}
    site.CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
    assert ids() == []


def test_entries_that_the_app_adds_count(site, ids, no_celery_app):
    app = Celery("site", fixups=[])
    for task in (tasks.refresh_due_links, tasks.clean_up):
        app.add_periodic_task(60.0, task)
    assert ids() == [], app


@pytest.mark.parametrize("name", ["CELERY_TASK_TIME_LIMIT", "CELERY_TASK_SOFT_TIME_LIMIT"])
def test_a_time_limit_under_the_lease_draws_a_warning(site, name):
    setattr(site, name, 120)
    ((number, message),) = look()
    assert number == "W004"
    assert "120 s" in message.msg


def test_a_sweep_with_time_enough_passes(site, ids):
    site.CELERY_TASK_TIME_LIMIT = 230
    assert ids() == []


def test_the_needed_time_follows_from_the_lease(found, site):
    site.CELERY_TASK_TIME_LIMIT = 230
    numbers = [number for number, _ in found(TIMING={"LEASE": timedelta(seconds=200)})]
    assert numbers == ["W004"]


def test_the_line_to_paste_lets_the_sweep_go_on(site, ids):
    site.CELERY_TASK_TIME_LIMIT = 60
    ((_, message),) = look()
    name, _, value = message.hint.partition(" = ")
    setattr(site, name, eval(value))
    assert ids() == []


@pytest.mark.parametrize("task", ["*", SWEEP])
def test_the_limits_of_annotations_count(site, ids, task):
    site.CELERY_TASK_ANNOTATIONS = {task: SHORT}
    assert ids() == ["W004"]


def test_annotations_that_are_no_dict_are_left_to_the_site(site, ids):
    site.CELERY_TASK_ANNOTATIONS = [object()]
    assert ids() == []
