"""List the users who have to connect Buffer (again), for whoever writes to them."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db.models import Exists, OuterRef

from buffer_connect.management.failures import CommandWithoutTraceback
from buffer_connect.management.output import say
from buffer_connect.models import BufferLink

# So many users are held at once.
PAGE = 500


class Command(CommandWithoutTraceback):
    help = (
        "Lists the active users without an active Buffer link by their usernames, one a line. "
        "With --usernames-from only those among these names; a name that no user has is told on "
        "standard error."
    )
    failure = "The users cannot be listed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--usernames-from",
            metavar="FILE",
            help="a file with one username a line; - is standard input",
        )

    def handle(self, *, usernames_from: str | None, **options: Any) -> None:
        if usernames_from is None:
            self._tell(_everybody())
            return
        try:
            with _opened(usernames_from) as file:
                self._tell(self._among(file))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{usernames_from}: {error}") from error

    def _tell(self, users: Iterable[Any]) -> None:
        for user in users:
            if user.is_active:
                say(self.stdout, user.get_username())

    def _among(self, lines: Iterable[str]) -> Iterator[Any]:
        """Yield the users without a link among the names in `lines`; tell which are nobody's."""
        names = (line.strip() for line in lines)
        given = (name for name in names if name)
        while page := list(dict.fromkeys(islice(given, PAGE))):
            users = _users().filter(**{f"{get_user_model().USERNAME_FIELD}__in": page})
            found = {user.get_username(): user for user in users}
            for name in page:
                if name not in found:
                    self.stderr.write(f"no such user: {name}")
                elif not found[name].is_linked:
                    yield found[name]


def _everybody() -> Iterator[Any]:
    """Yield the users without a link, page by page: no driver has to hold them all."""
    users = _users().filter(is_linked=False).order_by("pk")
    page = list(users[:PAGE])
    while page:
        yield from page
        page = list(users.filter(pk__gt=page[-1].pk)[:PAGE])


def _users() -> Any:
    links = BufferLink.objects.active().filter(user=OuterRef("pk"))
    users = get_user_model()._default_manager.using(BufferLink.written_on())
    return users.annotate(is_linked=Exists(links))


def _opened(path: str) -> Any:
    if path == "-":
        return nullcontext(sys.stdin)
    return Path(path).open(encoding="utf-8-sig")
