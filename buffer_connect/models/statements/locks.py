"""What a statement does about a row that somebody else's transaction has locked.

A site may keep a link's row locked for as long as its transactions last: by `select_for_update`, by
`disconnect` or a deletion inside one, and on MySQL and MariaDB by any row that it inserts with a
foreign key to the link. No other link waits for that.
"""

from dataclasses import dataclass

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


def words(connection: BaseDatabaseWrapper) -> Words:
    """Return the words of `connection`'s database. MySQL has none that make it wait briefly."""
    can_skip = connection.features.has_select_for_update_skip_locked
    match connection.vendor:
        case "postgresql":
            # What refers to the link by a foreign key does not hinder such a lock.
            return Words("", _BRIEFLY_ON_POSTGRESQL, "FOR NO KEY UPDATE SKIP LOCKED")
        case "mysql":
            is_mariadb = getattr(connection, "mysql_is_mariadb", False)
            return Words(
                prefix=_BRIEFLY_ON_MARIADB if is_mariadb else "",
                skip_locked="FOR UPDATE SKIP LOCKED" if can_skip else "",
            )
    return Words()


# Lasts until the end of the transaction, and is read before the row is locked.
_BRIEFLY_ON_POSTGRESQL = f"set_config('lock_timeout', '{BRIEFLY}s', true) <> ''"
_BRIEFLY_ON_MARIADB = f"SET STATEMENT innodb_lock_wait_timeout = {BRIEFLY} FOR "
