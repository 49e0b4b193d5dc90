"""What the databases say when a statement lost a race rather than failed."""

from collections.abc import Callable

from django.db import DatabaseError, OperationalError

# serialization_failure, deadlock_detected, lock_not_available.
_SQLSTATES = {"40001", "40P01", "55P03"}
# ER_CHECKREAD, ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK.
_MYSQL_CODES = {1020, 1205, 1213}


def is_contention(error: DatabaseError) -> bool:
    """Return whether `error` means: others were at these rows, try again later."""
    if getattr(error.__cause__, "sqlstate", None) in _SQLSTATES:
        return True
    if error.args and error.args[0] in _MYSQL_CODES:
        return True
    return "is locked" in str(error)


def is_won(update: Callable[[], int]) -> bool:
    """Return whether `update` changed its one row; a race that is lost to others counts as no."""
    try:
        return update() == 1
    except OperationalError as error:
        if is_contention(error):
            return False
        raise
