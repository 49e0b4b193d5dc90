"""Transactions: the caller's, and what waits for its commit; and short ones of our own."""

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connections, transaction

from buffer_connect.models import BufferLink
from buffer_connect.models.contention import is_contention

T = TypeVar("T")

# Of a transaction at whose rows others were quicker.
TRIES = 3


def atomically(act: Callable[[], T]) -> T:
    """Return what `act` returns in a transaction of its own; try again when others were quicker."""
    tries_left = TRIES
    while True:
        tries_left -= 1
        try:
            with transaction.atomic(using=BufferLink.written_on()):
                return act()
        except OperationalError as error:
            if not tries_left or not is_contention(error):
                raise


def inside_transaction() -> bool:
    """Whether a caller's transaction is open.

    The one that Django's TestCase holds around a test is none of a caller's: it never commits.
    """
    connection = connections[BufferLink.written_on()]
    if connection.in_atomic_block:
        blocks = connection.atomic_blocks
        return not all(getattr(block, "_from_testcase", False) for block in blocks)
    return not connection.get_autocommit()


def after_commit(act: Callable[[], object]) -> None:
    """Run `act` when the caller's transaction is committed; at once where there is none."""
    if inside_transaction():
        transaction.on_commit(act, using=BufferLink.written_on(), robust=True)
    else:
        act()
