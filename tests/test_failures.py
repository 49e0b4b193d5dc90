"""What keeps a command from its work is told in one line, without what stands in a row."""

from unittest.mock import Mock

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DataError, IntegrityError, OperationalError, ProgrammingError

from buffer_connect.management.failures import stopping, told, told_in_a_line


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OperationalError("refused\n\tIs it running?"), "OperationalError: refused."),
        (OperationalError(2002, "Can't connect"), """OperationalError: (2002, "Can't connect")."""),
        (OperationalError("red\x1b[31m"), "OperationalError: red\\x1b[31m."),
        (OperationalError("\n"), "OperationalError."),
        (IntegrityError("Duplicate entry 'a-value' for key 'x'"), "IntegrityError."),
        (DataError('invalid input: "a-value"'), "DataError."),
        (
            OperationalError("no such table: a"),
            "OperationalError: no such table: a. Has `manage.py migrate` run?",
        ),
        (
            ProgrammingError('relation "a" does not exist\nLINE 1: SELECT'),
            'ProgrammingError: relation "a" does not exist. Has `manage.py migrate` run?',
        ),
        (KeyboardInterrupt(), "KeyboardInterrupt."),
        (ImproperlyConfigured("Set it to a str."), "ImproperlyConfigured: Set it to a str."),
    ],
    ids=range(10),
)
def test_an_error_is_told_in_a_line_and_without_a_value(error, text):
    assert told(error) == text


def test_a_failure_is_a_complaint_of_the_command_with_its_exit_code():
    told = pytest.raises(CommandError, match=r"^It failed. OperationalError: away\.$")
    with told as raised, told_in_a_line("It failed.", returncode=2):
        raise OperationalError("away")
    assert raised.value.returncode == 2


@pytest.mark.parametrize(
    ("command", "failure"),
    [
        ("buffer_adopt", "Nothing was changed."),
        ("buffer_not_linked", "The users cannot be listed."),
        ("buffer_refresh", "The sweep failed."),
        ("buffer_rotate_keys", "Nothing was changed."),
    ],
)
def test_a_database_that_is_away_for_the_system_checks_is_no_traceback(
    monkeypatch, command, failure
):
    monkeypatch.setattr(BaseCommand, "check", Mock(side_effect=OperationalError("away")))
    with pytest.raises(CommandError, match=f"^{failure} OperationalError: away\\.$"):
        call_command(command, skip_checks=False)


def test_settings_that_cannot_be_used_have_changed_nothing():
    with pytest.raises(CommandError, match=r"^Nothing was changed. Set it\.$"), stopping("Again."):
        raise ImproperlyConfigured("Set it.")


def test_what_is_wrong_with_the_command_itself_is_not_hidden():
    with pytest.raises(TypeError), stopping("Again."), told_in_a_line("It failed."):
        raise TypeError
