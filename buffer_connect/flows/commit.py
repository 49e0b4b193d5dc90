"""The caller's transaction: whether there is one, and what waits for its commit."""

from collections.abc import Callable

from django.db import connections, transaction

from buffer_connect.models import BufferLink


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
