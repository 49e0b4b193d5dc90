"""Sets Django up, on PostgreSQL where one answers and on SQLite elsewhere; import it first."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import django
from django.db import connection

POSTGRES = "postgres://postgres@127.0.0.1:5432/benchmarks"
SQLITE = "sqlite:///benchmarks.sqlite3"


def database_url() -> str:
    """Return DATABASE_URL, or the PostgreSQL of this machine, or a SQLite file."""
    parts = urlsplit(POSTGRES)
    with closing(socket.socket()) as probe:
        answers = probe.connect_ex((parts.hostname, parts.port)) == 0
    return os.environ.get("DATABASE_URL") or (POSTGRES if answers else SQLITE)


os.environ["DATABASE_URL"] = database_url()
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
django.setup()


@contextmanager
def database() -> Iterator[str]:
    """Make a database for the run and remove it; give its product and version."""
    # A SQLite database in memory would not be shared by threads.
    connection.settings_dict["TEST"]["NAME"] = connection.settings_dict["NAME"] + "_run"
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        version = ".".join(map(str, connection.get_database_version()))
        yield f"{connection.display_name} {version}"
    finally:
        _end_other_sessions()
        connection.close()
        connection.creation.destroy_test_db(name, verbosity=0)


def _end_other_sessions() -> None:
    """The engine's threads keep their connections, and PostgreSQL drops no database in use."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
