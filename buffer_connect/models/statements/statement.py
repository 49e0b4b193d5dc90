"""One SQL text for every database: named values, and the database's own clock.

In a text, `{link}` and its like are tables, `{now}` the database's clock and `{now:+lease}` that
clock moved by the value `lease`, in seconds; `{age:updated_at}` are the seconds since the moment in
that column. A value that is a list stands as `{ids}`. `{unflushed}` is a true term that lets the
commit return before it is on disk, where the database can. `{briefly}` is one that lets it wait
briefly for a row that others have locked, and then fail; `{skip_locked}` passes over such rows.
`{ours}` is true of the rows that belong to this INSTANCE, or to none yet; `{taken_over}` is whose
they are then.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, UUIDField
from django.utils import timezone

from buffer_connect.conf import conf
from buffer_connect.models.clock import SQL_NOW, adapted
from buffer_connect.models.contention import at_last, unless_lost
from buffer_connect.models.link import BufferLink
from buffer_connect.models.outbox import PendingRevocation
from buffer_connect.models.request import AuthorizationRequest
from buffer_connect.models.service import ServiceState
from buffer_connect.models.statements.locks import Words, words

_TABLES = {
    "{link}": BufferLink,
    "{request}": AuthorizationRequest,
    "{revocation}": PendingRevocation,
    "{service}": ServiceState,
}
_UUID, _BINARY = UUIDField(), BinaryField()
_MOVED_NOW = re.compile(r"\{now:([+-])(\w+)\}")
_WHOSE = re.compile(r"\{ours\}|\{taken_over\}|%\(instance\)s")
# Without INSTANCE there is nothing to tell apart.
_GUARD = {
    True: {
        "{ours}": "instance IN ('', %(instance)s)",
        "{taken_over}": "CASE WHEN instance = '' THEN %(instance)s ELSE instance END",
    },
    False: {"{ours}": "1 = 1", "{taken_over}": "instance"},
}
_AGE = re.compile(r"\{age:(\w+)\}")
_AGES = {
    "postgresql": r"EXTRACT(EPOCH FROM {now} - \1)",
    "mysql": r"(TIMESTAMPDIFF(MICROSECOND, \1, {now}) / 1e6)",
    "sqlite": r"((julianday({now}) - julianday(\1)) * 86400.0)",
}
_MOVE_BY = {
    "postgresql": "make_interval(secs => %({name})s)",
    "mysql": "INTERVAL %({name}__us)s MICROSECOND",
}
# Lasts until the end of the transaction. What a later, flushed commit builds on is flushed with it.
_UNFLUSHED = {"postgresql": "set_config('synchronous_commit', 'off', true) = 'off'"}


class Statement:
    """A statement of the protocol. Calling it runs it on its own and returns the row count."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tells_whose = bool(_WHOSE.search(text))

    def __call__(self, **values: Any) -> int:
        connection = connections[BufferLink.written_on()]
        with connection.cursor() as cursor:
            cursor.execute(*self.bound(connection, values))
            return int(cursor.rowcount)

    def if_free(self, **values: Any) -> int:
        """Run it; a race that is lost to others again and again counts as no row changed."""
        return unless_lost(partial(self, **values), otherwise=0, using=BufferLink.written_on())

    def rows_if_free(self, **values: Any) -> list[tuple[Any, ...]]:
        """Return its `rows`; a race that is lost to others again and again gives none."""
        rows = partial(self.rows, **values)
        return unless_lost(rows, otherwise=[], using=BufferLink.written_on())

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Run it and return what it selects or, where the database can, has changed."""
        connection = connections[BufferLink.written_on()]
        with connection.cursor() as cursor:
            cursor.execute(*self.bound(connection, values))
            return list(cursor.fetchall())

    def rows_at_last(self, **values: Any) -> list[tuple[Any, ...]]:
        """Return its `rows`; again after a race that was lost, where no transaction is over by it."""
        return at_last(partial(self.rows, **values), using=BufferLink.written_on())

    def bound(
        self, connection: BaseDatabaseWrapper, values: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Return the SQL for `connection` and its parameters."""
        lengths = tuple((name, len(v)) for name, v in values.items() if isinstance(v, list))
        instance = conf.instance if self._tells_whose else None
        locking = words(connection)
        sql, moves = _rendered(self.text, connection.vendor, locking, lengths, instance is not None)
        params = {"instance": instance or "", **dict(_flat(values))}
        params.update(_clock_values(connection, params, moves))
        return sql, {name: _adapted(value, connection) for name, value in params.items()}


@lru_cache(maxsize=512)
def _rendered(
    text: str, vendor: str, locking: Words, lengths: tuple[tuple[str, int], ...], guarded: bool
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the text in the words of `vendor`, and how it moves the clock: (sign, name) pairs."""
    moves = tuple(_MOVED_NOW.findall(text))
    sql = _MOVED_NOW.sub(lambda match: _moved_now(vendor, *match.groups()), text)
    sql = _AGE.sub(lambda match: match.expand(_AGES[vendor]), sql)
    sql = sql.replace("{unflushed}", _UNFLUSHED.get(vendor, "1 = 1"))
    sql = locking.applied_to(sql)
    sql = sql.replace("{now}", SQL_NOW.get(vendor, "%(now)s"))
    for name, model in _TABLES.items():
        sql = sql.replace(name, model._meta.db_table)
    for name, term in _GUARD[guarded].items():
        sql = sql.replace(name, term)
    for name, length in lengths:
        sql = sql.replace(f"{{{name}}}", ", ".join(f"%({name}_{n})s" for n in range(length)))
    return sql, moves


def _moved_now(vendor: str, sign: str, name: str) -> str:
    if vendor not in SQL_NOW:
        return f"%({_moved_name(sign, name)})s"
    return f"({SQL_NOW[vendor]} {sign} {_MOVE_BY[vendor].format(name=name)})"


def _moved_name(sign: str, name: str) -> str:
    return f"now_plus_{name}" if sign == "+" else f"now_minus_{name}"


def _flat(values: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, list):
            pairs += [(f"{name}_{n}", item) for n, item in enumerate(value)]
        else:
            pairs.append((name, value))
    return pairs


def _clock_values(
    connection: BaseDatabaseWrapper, values: Mapping[str, Any], moves: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    if connection.vendor == "postgresql":
        return {}
    if connection.vendor == "mysql":
        return {f"{name}__us": round(values[name] * 1_000_000) for _, name in moves}
    now = timezone.now()
    moments: dict[str, Any] = {"now": now}
    for sign, name in moves:
        moved = timedelta(seconds=values[name])
        moments[_moved_name(sign, name)] = now + moved if sign == "+" else now - moved
    return moments


def _adapted(value: Any, connection: BaseDatabaseWrapper) -> Any:
    match value:
        case uuid.UUID():
            return _UUID.get_db_prep_value(value, connection)
        case datetime():
            return adapted(value, connection)
        case bytes():
            return _BINARY.get_db_prep_value(value, connection, prepared=True)
        case _:
            return value
