"""What a statement does about a row that somebody else's transaction has locked.

A site may keep a link's row locked for as long as its transactions last: by `select_for_update`, by
`disconnect` or a deletion inside one, and on MySQL and MariaDB by any row that it inserts with a
foreign key to the link. No other link waits for that.
"""

from dataclasses import dataclass, replace

from django.db.backends.base.base import BaseDatabaseWrapper

# Seconds. Whole ones, for MariaDB.
BRIEFLY = 1


@dataclass(frozen=True, slots=True)
class Words:
    """What the words of a statement's text are in one database; see `statement`."""

    # Before a statement that waits briefly.
    prefix: str = ""
    briefly: str = "1 = 1"
    skip_locked: str = ""

    def applied_to(self, text: str) -> str:
        """Return `text` with these words."""
        prefix = self.prefix if "{briefly}" in text else ""
        told = text.replace("{briefly}", self.briefly)
        return prefix + told.replace("{skip_locked}", self.skip_locked)


# Lasts until the end of the transaction, and is read before the row is locked. What refers to the
# link by a foreign key does not hinder such a lock.
_POSTGRESQL = Words(
    briefly=f"set_config('lock_timeout', '{BRIEFLY}s', true) <> ''",
    skip_locked="FOR NO KEY UPDATE SKIP LOCKED",
)
_MARIADB = Words(
    prefix=f"SET STATEMENT innodb_lock_wait_timeout = {BRIEFLY} FOR ",
    skip_locked="FOR UPDATE SKIP LOCKED",
)
_OLD_MARIADB = replace(_MARIADB, skip_locked="")
_MYSQL = Words(skip_locked="FOR UPDATE SKIP LOCKED")
_NONE = Words()


def words(connection: BaseDatabaseWrapper) -> Words:
    """Return the words of `connection`'s database. MySQL has none that make it wait briefly."""
    if connection.vendor != "mysql":
        return _POSTGRESQL if connection.vendor == "postgresql" else _NONE
    if not getattr(connection, "mysql_is_mariadb", False):
        return _MYSQL
    # Before 10.6, which Django 5.2 takes.
    can_skip = connection.features.has_select_for_update_skip_locked
    return _MARIADB if can_skip else _OLD_MARIADB
