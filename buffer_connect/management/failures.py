"""What keeps a command from its work, told in one line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DataError, IntegrityError, ProgrammingError
from django.db import Error as DatabaseError

from buffer_connect.exceptions import printable

NOTHING = "Nothing was changed."
LONGEST = 1_000
UNMIGRATED = "Has `manage.py migrate` run?"


def told(error: BaseException) -> str:
    """Return the class of `error` with the first line of its message, as a sentence.

    Of an error about a value the class only: such a message quotes the value. Where a table or a
    column may be missing, the usual cause is asked for.
    """
    name, message = type(error).__name__, str(error).strip()
    if not message or isinstance(error, (DataError, IntegrityError)):
        return f"{name}."
    first = printable(message.splitlines()[0], LONGEST)
    sentence = f"{name}: {first}" if first.endswith(".") else f"{name}: {first}."
    # SQLite calls it an operational error.
    is_unknown = isinstance(error, ProgrammingError) or first.startswith("no such ")
    return f"{sentence} {UNMIGRATED}" if is_unknown else sentence


@contextmanager
def told_in_a_line(failure: str, *, returncode: int = 1) -> Iterator[None]:
    """Raise `CommandError` with `failure` and its cause where database or settings are unusable."""
    try:
        yield
    except (DatabaseError, ImproperlyConfigured) as error:
        raise CommandError(f"{failure} {told(error)}", returncode=returncode) from error


class CommandWithoutTraceback(BaseCommand):
    """A command that tells in a line where database or settings are unusable.

    Also where it is a system check that meets it: on MySQL those of Django connect.
    """

    failure = NOTHING

    def execute(self, *args: Any, **options: Any) -> str | None:
        with told_in_a_line(self.failure):
            return super().execute(*args, **options)


@contextmanager
def stopping(consequence: str) -> Iterator[None]:
    """The same for a long job, which Ctrl-C may end too; `consequence` says what has become of it.

    Settings that cannot be used are found before anything is changed.
    """
    try:
        yield
    except ImproperlyConfigured as error:
        raise CommandError(f"{NOTHING} {error}") from error
    except (DatabaseError, KeyboardInterrupt) as error:
        raise CommandError(f"Stopped by {told(error)} {consequence}") from error
