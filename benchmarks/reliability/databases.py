"""What can be done to the database of a run, each in the words of its product.

A `Database` belongs to the thread that made it, and its own connections to no worker.
"""

import sqlite3
from dataclasses import dataclass

from django.db import Error, connection

from example_project import databases

# By this the workers' sessions are told from others: on MariaDB a user, on PostgreSQL a name.
WORKERS = "reliability_workers"
# A lock on SQLite's file that is not to be had within so many seconds counts as away.
PATIENCE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One connection of a worker, and for how long (seconds) it idles inside a transaction.

    While it `is_at_work`, as when it waits for a row that another one has locked, nothing pins it.
    """

    id: int
    pinned_for: float | None
    is_at_work: bool


class Server:
    """A database server; `sessions_sql` and `kill_sql` are its words."""

    sessions_sql: str
    kill_sql: str

    def __init__(self) -> None:
        self.name = connection.settings_dict["NAME"]
        self.admin = connection.copy()
        self.probe = connection.copy()

    @property
    def worker_url(self) -> str:
        """The DATABASE_URL of a worker."""
        return databases.to_url(connection.settings_dict)

    def prepare(self) -> None:
        """Make what the workers need, once for a run."""

    def remove(self) -> None:
        """Remove it."""

    def sessions(self) -> list[Session]:
        """Return the workers' sessions."""
        with self.admin.cursor() as cursor:
            cursor.execute(self.sessions_sql, [self.name, WORKERS])
            return [
                Session(
                    id=number,
                    pinned_for=None if idle is None else float(idle),
                    is_at_work=bool(works),
                )
                for number, idle, works in cursor.fetchall()
            ]

    def cut(self) -> int:
        """End all sessions of the workers; return how many."""
        sessions = self.sessions()
        for session in sessions:
            try:
                self._run(self.kill_sql, session.id)
            except Error:
                # It has ended by itself.
                continue
        return len(sessions)

    def lock_out(self) -> bool:
        """Let no worker in, and end the sessions there are; return whether that could be done."""
        self._forbid()
        self.cut()
        return True

    def let_in(self) -> None:
        """End `lock_out`."""
        raise NotImplementedError

    def is_there(self) -> bool:
        """Return whether a worker gets in now."""
        try:
            self.probe.ensure_connection()
        except Error:
            return False
        self.probe.close()
        return True

    def close(self) -> None:
        """Close the connections of its own."""
        self.admin.close()

    def _forbid(self) -> None:
        raise NotImplementedError

    def _run(self, sql: str, *params: object) -> None:
        with self.admin.cursor() as cursor:
            cursor.execute(sql, list(params) or None)


class PostgreSQL(Server):
    """Sessions are told by their application's name, and the database takes no new ones."""

    sessions_sql = """
        SELECT pid, CASE WHEN state LIKE 'idle in transaction%%'
          THEN EXTRACT(EPOCH FROM clock_timestamp() - state_change) END, state = 'active'
        FROM pg_stat_activity WHERE datname = %s AND application_name = %s"""
    kill_sql = "SELECT pg_terminate_backend(%s)"

    def __init__(self) -> None:
        super().__init__()
        self.admin.settings_dict["NAME"] = "postgres"

    @property
    def worker_url(self) -> str:
        return f"{super().worker_url}?application_name={WORKERS}"

    def let_in(self) -> None:
        self._allow("true")

    def _forbid(self) -> None:
        self._allow("false")

    def _allow(self, allowed: str) -> None:
        name = self.admin.ops.quote_name(self.name)
        self._run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}")


class MariaDB(Server):
    """The workers have a user of their own, whose account is locked."""

    sessions_sql = """
        SELECT p.id, CASE WHEN p.command = 'Sleep' AND t.trx_id IS NOT NULL
          THEN p.time_ms / 1000 END, p.command = 'Query'
        FROM information_schema.processlist p
        LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id
        WHERE p.db = %s AND p.user = %s"""
    kill_sql = "KILL CONNECTION %s"

    def __init__(self) -> None:
        super().__init__()
        self.probe.settings_dict |= {"USER": WORKERS, "PASSWORD": WORKERS}

    @property
    def worker_url(self) -> str:
        ours = {"USER": WORKERS, "PASSWORD": WORKERS}
        return databases.to_url({**connection.settings_dict, **ours})

    def prepare(self) -> None:
        name = self.admin.ops.quote_name(self.name)
        self._run(f"CREATE OR REPLACE USER {WORKERS} IDENTIFIED BY '{WORKERS}'")
        self._run(f"GRANT ALL ON {name}.* TO {WORKERS}")

    def let_in(self) -> None:
        self._run(f"ALTER USER {WORKERS} ACCOUNT UNLOCK")

    def remove(self) -> None:
        self._run(f"DROP USER IF EXISTS {WORKERS}")

    def _forbid(self) -> None:
        self._run(f"ALTER USER {WORKERS} ACCOUNT LOCK")


class SQLite:
    """A file without sessions; who has its lock keeps all others from writing."""

    def __init__(self) -> None:
        self.name = str(connection.settings_dict["NAME"])
        self._keeper = self._connect(PATIENCE)

    @property
    def worker_url(self) -> str:
        """The DATABASE_URL of a worker."""
        return databases.to_url(connection.settings_dict)

    def prepare(self) -> None:
        """Do nothing: a file needs no users."""

    def remove(self) -> None:
        """Do nothing."""

    def sessions(self) -> list[Session]:
        """Return nothing: there are none."""
        return []

    def cut(self) -> int:
        """Do nothing: there is nothing to cut."""
        return 0

    def lock_out(self) -> bool:
        """Take the lock; False when another process does not let go of it."""
        try:
            self._keeper.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return False
        return True

    def let_in(self) -> None:
        """Give the lock back."""
        self._keeper.execute("ROLLBACK")

    def is_there(self) -> bool:
        """Return whether the lock can be had."""
        probe = self._connect(PATIENCE)
        try:
            probe.execute("BEGIN IMMEDIATE")
            probe.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        finally:
            probe.close()
        return True

    def close(self) -> None:
        """Close the connection of its own."""
        self._keeper.close()

    def _connect(self, timeout: float) -> sqlite3.Connection:
        return sqlite3.connect(self.name, timeout=timeout, isolation_level=None)


PRODUCTS = {"postgresql": PostgreSQL, "mysql": MariaDB, "sqlite": SQLite}


def of_this_run() -> Server | SQLite:
    """Return the database that Django's `connection` leads to."""
    return PRODUCTS[connection.vendor]()
