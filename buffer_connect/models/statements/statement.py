"""One SQL text for every database: named values, and the database's own clock.

In a text, `{link}` and `{service}` are tables, `{now}` the database's clock and `{now:+lease}` that
clock moved by the value `lease`, in seconds. A value that is a list stands as `{ids}`.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, UUIDField
from django.utils import timezone

from buffer_connect.models.clock import SQL_NOW, adapted
from buffer_connect.models.contention import is_contention
from buffer_connect.models.link import BufferLink
from buffer_connect.models.service import ServiceState

_UUID, _BINARY = UUIDField(), BinaryField()
_MOVED_NOW = re.compile(r"\{now:([+-])(\w+)\}")
_MOVE_BY = {
    "postgresql": "make_interval(secs => %({name})s)",
    "mysql": "INTERVAL %({name}__us)s MICROSECOND",
}


class Statement:
    """A statement of the protocol. Calling it runs it on its own and returns the row count."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, **values: Any) -> int:
        connection = connections[BufferLink.written_on()]
        with connection.cursor() as cursor:
            cursor.execute(*self.bound(connection, values))
            return int(cursor.rowcount)

    def if_free(self, **values: Any) -> int:
        """Run it; a race that is lost to others counts as no row changed."""
        try:
            return self(**values)
        except OperationalError as error:
            if is_contention(error):
                return 0
            raise

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Run it and return what it selects."""
        connection = connections[BufferLink.written_on()]
        with connection.cursor() as cursor:
            cursor.execute(*self.bound(connection, values))
            return list(cursor.fetchall())

    def bound(
        self, connection: BaseDatabaseWrapper, values: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Return the SQL for `connection` and its parameters."""
        lengths = tuple((name, len(v)) for name, v in values.items() if isinstance(v, list))
        sql, moves = _rendered(self.text, connection.vendor, lengths)
        params = dict(_flat(values))
        params.update(_clock_values(connection, params, moves))
        return sql, {name: _adapted(value, connection) for name, value in params.items()}


@lru_cache(maxsize=512)
def _rendered(
    text: str, vendor: str, lengths: tuple[tuple[str, int], ...]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the text in the words of `vendor`, and how it moves the clock: (sign, name) pairs."""
    moves = tuple(_MOVED_NOW.findall(text))
    sql = _MOVED_NOW.sub(lambda match: _moved_now(vendor, *match.groups()), text)
    sql = sql.replace("{now}", SQL_NOW.get(vendor, "%(now)s"))
    sql = sql.replace("{link}", BufferLink._meta.db_table)
    sql = sql.replace("{service}", ServiceState._meta.db_table)
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
