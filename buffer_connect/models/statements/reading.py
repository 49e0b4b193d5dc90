"""Whole rows for a decision: read where they are written, with the clock of the database.

The ORM's compiler would take longer than the database does.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression

from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.link import BufferLink
from buffer_connect.models.statements.statement import Statement

_FIELDS = BufferLink._meta.concrete_fields
_SELECT = f"SELECT {', '.join(str(field.column) for field in _FIELDS)}, {{now}} FROM {{link}}"

_one = Statement(f"{_SELECT} WHERE id = %(pk)s")
_claimed = Statement(f"""
{_SELECT} WHERE id IN ({{ids}}) AND lease_owner = %(owner)s ORDER BY refresh_due_at
""")

_open_breaker = Statement("""
SELECT 1 FROM {service} s WHERE s.name = 'breaker' AND s.key = %(key)s AND s.opened_at IS NOT NULL
""")


def read(pk: int) -> BufferLink | None:
    """Return the link as it stands, with `database_now`; None when there is none."""
    return next(iter(_links(_one.rows(pk=pk))), None)


def read_claimed(*, ids: list[int], owner: UUID) -> list[BufferLink]:
    """Return those of `ids` whose lease `owner` holds, soonest due first."""
    return _links(_claimed.rows(ids=ids, owner=owner))


def breaker_is_open(*, key: str) -> bool:
    """Return whether the breaker is open for the client with this `key`."""
    return bool(_open_breaker.rows(key=key))


def _links(rows: Sequence[tuple[Any, ...]]) -> list[BufferLink]:
    connection = connections[BufferLink.written_on()]
    # A foreign key's column has the type of what it leads to.
    columns = (field.get_col(BufferLink._meta.db_table) for field in _FIELDS)
    expressions = [*columns, DatabaseNow()]
    return [_link(_converted(row, expressions, connection), connection) for row in rows]


def _converted(
    row: tuple[Any, ...], expressions: Sequence[Expression], connection: BaseDatabaseWrapper
) -> list[Any]:
    """Return the values of `row` as the ORM would."""
    values = list(row)
    for place, expression in enumerate(expressions):
        of_database = connection.ops.get_db_converters(expression)
        for convert in [*of_database, *expression.get_db_converters(connection)]:
            values[place] = convert(values[place], expression, connection)
    return values


def _link(values: list[Any], connection: BaseDatabaseWrapper) -> BufferLink:
    *columns, now = values
    link = BufferLink.from_db(connection.alias, [field.attname for field in _FIELDS], columns)
    link.database_now = now
    return link
