"""Checks of the site's Celery: what it accepts, what beat sends, how long a task may run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from buffer_connect import site
from buffer_connect.checks.messages import advice, error
from buffer_connect.checks.settings import problem_with
from buffer_connect.conf import conf
from buffer_connect.flows.refresh.sweep import CLAIMS_FOR
from buffer_connect.schedule import beat_schedule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.checks import CheckMessage

SWEEP = "buffer_connect.tasks.refresh_due_links"


def check_pickle(**kwargs: Any) -> list[CheckMessage]:
    """E017: a worker runs whatever somebody who can write to the broker sends."""
    try:
        site.refuse_pickle()
    except ImproperlyConfigured as problem:
        return [error("E017", str(problem), 'CELERY_ACCEPT_CONTENT = ["json"]')]
    return []


def check_beat(**kwargs: Any) -> list[CheckMessage]:
    """W003: nothing is seen to refresh the links."""
    # A scheduler of the site's own may keep its entries elsewhere, such as in the database.
    if site.celery_setting("beat_scheduler") not in _OWN_SCHEDULERS:
        return []
    missing = {entry["task"] for entry in beat_schedule().values()} - set(_scheduled())
    if not missing:
        return []
    message = f"Celery's beat schedule has no entry for {' and '.join(sorted(missing))}."
    hint = (
        "CELERY_BEAT_SCHEDULE = {**beat_schedule()}  (from buffer_connect.schedule import "
        "beat_schedule). Where cron runs `manage.py buffer_refresh` instead: "
        'SILENCED_SYSTEM_CHECKS = ["buffer_connect.W003"]'
    )
    return [advice("W003", message, hint)]


def check_time_limits(**kwargs: Any) -> list[CheckMessage]:
    """W004: Celery may stop a sweep whose answers are not stored yet."""
    if problem_with("timing"):
        return []
    # The last links that a sweep claims have a whole lease before them.
    needed = round(CLAIMS_FOR + conf.timing.lease)
    limits = {name: _limit(name) for name in ("soft_time_limit", "time_limit")}
    short = [name for name, limit in limits.items() if limit and limit < needed]
    if not short:
        return []
    told = " and ".join(f"{name} of {limits[name]:g} s" for name in short)
    message = f"Celery's {told} may stop a sweep, which needs up to {needed} s to store answers."
    hint = (
        f'CELERY_TASK_ANNOTATIONS = {{"{SWEEP}": '
        f'{{"soft_time_limit": {needed}, "time_limit": {needed + 60}}}}}'
    )
    return [advice("W004", message, hint)]


_OWN_SCHEDULERS = (None, "celery.beat:PersistentScheduler", "celery.beat.PersistentScheduler")


def _scheduled() -> Iterable[object]:
    """Return the names of the tasks that beat sends."""
    entries = (site.celery_setting("beat_schedule") or {}).values()
    return (
        entry.get("task") if isinstance(entry, dict) else getattr(entry, "task", None)
        for entry in entries
    )


def _limit(name: str) -> float | None:
    """Return a time limit of the sweep, in seconds: its own, or that of all tasks."""
    annotations = site.celery_setting("task_annotations")
    # Annotations may be objects too; what those say is their business.
    of_all, own = (
        (annotations.get("*", {}), annotations.get(SWEEP, {}))
        if isinstance(annotations, dict)
        else ({}, {})
    )
    limit: float | None = {name: site.celery_setting(f"task_{name}"), **of_all, **own}[name]
    return limit
