"""Checks of where the rows live, and of the keys that they are sealed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import Error as AnyDatabaseError
from django.db import connections, router

from buffer_connect.checks.messages import advice, error
from buffer_connect.checks.settings import problem_with
from buffer_connect.conf import conf
from buffer_connect.models import BufferLink
from buffer_connect.models.keys import keys_in_use

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.checks import CheckMessage


def check_atomic_requests(**kwargs: Any) -> list[CheckMessage]:
    """W009: on SQLite a view that has written keeps the refresh of its own link waiting."""
    connection = connections[BufferLink.written_on()]
    if connection.vendor != "sqlite" or not connection.settings_dict["ATOMIC_REQUESTS"]:
        return []
    message = (
        "ATOMIC_REQUESTS on SQLite, which has one writer: a view that has written and then calls "
        "Buffer keeps the refresh of its link waiting, and gets TokenUnavailable."
    )
    return [advice("W009", message, f'DATABASES["{connection.alias}"]["ATOMIC_REQUESTS"] = False')]


def check_time_zone(**kwargs: Any) -> list[CheckMessage]:
    """E024: MySQL and MariaDB would keep Django's times and those of their own clock hours apart."""
    connection = connections[BufferLink.written_on()]
    if connection.vendor != "mysql" or connection.settings_dict["TIME_ZONE"] in (None, "UTC"):
        return []
    name = f'DATABASES["{connection.alias}"]["TIME_ZONE"]'
    message = f"{name} is set, and links keep time by the database's clock, in UTC."
    return [error("E024", message, f"{name} = None  (the session's time zone may be any)")]


def check_autocommit(**kwargs: Any) -> list[CheckMessage]:
    """E025: nothing could be refreshed, for what may be sent must be committed before."""
    connection = connections[BufferLink.written_on()]
    if connection.settings_dict["AUTOCOMMIT"]:
        return []
    name = f'DATABASES["{connection.alias}"]["AUTOCOMMIT"]'
    message = f"{name} is off, and no link is refreshed inside a transaction."
    return [error("E025", message, f"{name} = True")]


def check_routers(**kwargs: Any) -> list[CheckMessage]:
    """W010: what one transaction writes is spread over several databases."""
    alias = BufferLink.written_on()
    models = (get_user_model(), *apps.get_app_config("buffer_connect").get_models())
    elsewhere = [model for model in models if not router.allow_migrate_model(alias, model)]
    if not elsewhere:
        return []
    names = ", ".join(model._meta.label for model in elsewhere)
    message = f"Links are written to the database {alias!r}, where a router keeps out {names}."
    hint = f"Let the router's allow_migrate() return True or None for {alias!r} and these models."
    return [advice("W010", message, hint)]


def check_keys(*, databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """E019 (database): rows are sealed with a key that the settings lack.

    At run time such a link is left as it is, and nothing is sent. What belongs to another INSTANCE
    is left alone anyway, so a copy of the database needs no key for it.
    """
    if BufferLink.written_on() not in (databases or ()) or problem_with("keyring"):
        return []
    try:
        used = keys_in_use()
    except AnyDatabaseError:
        # It does not answer, or has no tables yet; both are told elsewhere.
        return []
    return [
        error(
            "E019",
            f"ENCRYPTION_KEYS lacks the key {use.kid}, with which rows are sealed ({use.rows}).",
            f'"ENCRYPTION_KEYS": [..., "{use.kid}:<its base64>"],  (where the key is lost, their '
            'users must connect again: SILENCED_SYSTEM_CHECKS = ["buffer_connect.E019"])',
        )
        for use in used
        if use.kid and use.is_needed and use.kid not in conf.keyring.kids
    ]
