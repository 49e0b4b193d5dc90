"""What the databases say when a statement lost a race rather than failed."""

from collections.abc import Callable
from time import sleep
from typing import TypeVar

from django.db import Error, OperationalError, connections

T = TypeVar("T")

# PostgreSQL's serialization_failure, deadlock_detected; MySQL's ER_CHECKREAD, ER_LOCK_DEADLOCK.
_AT_ONCE = {"40001", "40P01", 1020, 1213}
# After a wait: lock_not_available, ER_LOCK_WAIT_TIMEOUT. And where the site lets no statement take as
# long: query_canceled, ER_STATEMENT_TIMEOUT.
_AFTER_A_WAIT = {"55P03", "57014", 1205, 1969}
# Seconds before what a stricter isolation let fail is tried again: what it met is over by then.
PAUSES = 0, 0.002, 0.008, 0.032, 0.128


def is_contention(error: Error) -> bool:
    """Return whether `error` means: others were at these rows, try again later."""
    return _code(error) in _AT_ONCE | _AFTER_A_WAIT or "is locked" in str(error)


def is_locked(error: Error) -> bool:
    """Return whether `error` means: others kept the row locked for as long as it was waited for."""
    return _code(error) in _AFTER_A_WAIT


def at_last(act: Callable[[], T], *, using: str) -> T:
    """Return what `act` returns; again after a race that it lost without a wait, by one statement.

    That has changed nothing. In a transaction it is over with it, so there it is not tried again.
    """
    for pause in PAUSES:
        try:
            return act()
        except OperationalError as error:
            if connections[using].in_atomic_block or _code(error) not in _AT_ONCE:
                raise
            sleep(pause)
    return act()


def unless_lost(act: Callable[[], T], *, otherwise: T, using: str) -> T:
    """Return the same; or `otherwise` when others were quicker each time."""
    try:
        return at_last(act, using=using)
    except OperationalError as error:
        if is_contention(error):
            return otherwise
        raise


def is_won(update: Callable[[], int], *, using: str) -> bool:
    """Return whether `update` changed its one row; a race that is lost to others counts as no."""
    return unless_lost(update, otherwise=0, using=using) == 1


def _code(error: Error) -> object:
    return getattr(error.__cause__, "sqlstate", None) or (error.args[0] if error.args else None)
