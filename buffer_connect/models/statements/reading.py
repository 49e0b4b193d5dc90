"""Whole rows for a decision: read where they are written, with the clock of the database.

The ORM's compiler would take longer than the database does.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression

from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.link import BufferLink
from buffer_connect.models.statements.statement import Statement

Converter = Callable[[Any, Expression, BaseDatabaseWrapper], Any]

_FIELDS = BufferLink._meta.concrete_fields
_NAMES = [field.attname for field in _FIELDS]
# What `links_of` makes links of.
COLUMNS = f"{', '.join(str(field.column) for field in _FIELDS)}, {{now}}"
_SELECT = f"SELECT {COLUMNS} FROM {{link}}"

_one = Statement(f"{_SELECT} WHERE id = %(pk)s")
_claimed = Statement(f"""
{_SELECT} WHERE id IN ({{ids}}) AND lease_owner = %(owner)s ORDER BY refresh_due_at
""")


def read(pk: int) -> BufferLink | None:
    """Return the link as it stands, with `database_now`; None when there is none."""
    return next(iter(links_of(_one.rows_at_last(pk=pk))), None)


def read_claimed(*, ids: list[int], owner: UUID) -> list[BufferLink]:
    """Return those of `ids` whose lease `owner` holds, soonest due first."""
    return links_of(_claimed.rows_at_last(ids=ids, owner=owner))


def links_of(rows: Sequence[tuple[Any, ...]]) -> list[BufferLink]:
    """Return the links whose `COLUMNS` these are."""
    connection = connections[BufferLink.written_on()]
    converted = {place: _converters(place, connection) for place in _unlike(connection.vendor)}
    return [_link(row, converted, connection) for row in rows]


def _link(
    row: tuple[Any, ...],
    converted: Mapping[int, Sequence[Converter]],
    connection: BaseDatabaseWrapper,
) -> BufferLink:
    """Return the row as the ORM would."""
    values = list(row)
    for place, converters in converted.items():
        for convert in converters:
            values[place] = convert(values[place], _expressions()[place], connection)
    *columns, now = values
    link = BufferLink.from_db(connection.alias, _NAMES, columns)
    link.database_now = now
    return link


def _converters(place: int, connection: BaseDatabaseWrapper) -> list[Converter]:
    expression = _expressions()[place]
    of_database = connection.ops.get_db_converters(expression)
    return [*of_database, *expression.get_db_converters(connection)]


@lru_cache(maxsize=1)
def _expressions() -> Sequence[Expression]:
    # A foreign key's column has the type of what it leads to.
    columns = [field.get_col(BufferLink._meta.db_table) for field in _FIELDS]
    return [*columns, DatabaseNow()]


@lru_cache
def _unlike(vendor: str) -> tuple[int, ...]:
    """Return the places whose values a database of `vendor` gives in another form."""
    connection = connections[BufferLink.written_on()]
    return tuple(n for n in range(len(_expressions())) if _converters(n, connection))
