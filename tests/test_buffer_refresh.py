"""`buffer_refresh`, as cron runs it, where it cannot do its work."""

import signal

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError

from tests.wrapped import on_every_connection

# The loop closes the connections of its thread, and with them what a test had not committed.
pytestmark = pytest.mark.django_db(transaction=True)

FAILED = r"^The sweep failed. "


@pytest.fixture
def handlers():
    """Put back the handlers of the signals that the loop listens to."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def failing():
    """Run the command on a database that raises this: `failing(error)`."""

    def failing(error, **options):
        def wrapper(execute, sql, params, many, context):
            raise error

        with on_every_connection(wrapper):
            call_command("buffer_refresh", **options)

    return failing


def test_a_database_that_is_away_is_told_in_a_line(failing):
    with pytest.raises(CommandError, match=f"{FAILED}OperationalError: away\\.$") as raised:
        failing(OperationalError("away\nIs it running?"))
    assert raised.value.returncode == 1


@pytest.mark.parametrize("loop", [False, True])
def test_so_is_one_without_tables_which_ends_the_loop_too(failing, handlers, loop):
    with pytest.raises(CommandError, match=f"{FAILED}ProgrammingError: no such relation"):
        failing(ProgrammingError("no such relation"), loop=loop)


@pytest.mark.parametrize("loop", [False, True])
def test_so_are_settings_that_cannot_be_used(settings, handlers, loop):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "CLIENT_ID": ""}
    with pytest.raises(CommandError, match=f"{FAILED}ImproperlyConfigured: .*CLIENT_ID"):
        call_command("buffer_refresh", loop=loop)
