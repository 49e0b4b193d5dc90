"""The database's own clock, as an expression for the ORM."""

from datetime import UTC, datetime
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Func
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

SQL_NOW = {
    "postgresql": "statement_timestamp()",
    # Django's Now() is CURRENT_TIMESTAMP, hours off where the session's time zone is not UTC.
    "mysql": "UTC_TIMESTAMP(6)",
}


class DatabaseNow(Func):
    """The moment at which the statement runs, in UTC, by the clock of the database.

    SQLite has no clock beside the host's, so there it is the host's.
    """

    template = "%(expressions)s"
    output_field = DateTimeField()

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, list[Any]]:
        now = SQL_NOW.get(connection.vendor)
        if now is None:
            return "%s", [adapted(timezone.now(), connection)]
        return now, []


def database_now(using: str) -> datetime:
    """Return the moment by the clock of the database `using`, in UTC."""
    now = SQL_NOW.get(connections[using].vendor)
    if now is None:
        return timezone.now()
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {now}")
        moment: datetime = cursor.fetchone()[0]
    # MySQL's has no time zone.
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def adapted(moment: datetime, connection: BaseDatabaseWrapper) -> Any:
    """Return `moment` in the form in which `connection` stores a DateTimeField."""
    return connection.ops.adapt_datetimefield_value(moment)
