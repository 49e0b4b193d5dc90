"""Make links of tokens that a site obtained elsewhere, from rows on standard input."""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import (
    FieldDoesNotExist,
    MultipleObjectsReturned,
    ObjectDoesNotExist,
    ValidationError,
)
from django.core.management.base import CommandError
from django.db import DataError, IntegrityError
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from buffer_connect.conf import conf
from buffer_connect.flows.adopt import keep_new
from buffer_connect.management.failures import NOTHING, CommandWithoutTraceback, stopping
from buffer_connect.management.handover import CSV, JSON_LINES, Handover, granted
from buffer_connect.management.progress import ProgressLine
from buffer_connect.models import BufferLink

ADOPTED, ALREADY, REFUSED = "adopted", "already linked", "refused"
AGAIN = "What is done is done: run it again, and it passes over that."


class Command(CommandWithoutTraceback):
    help = (
        "Makes links of tokens that were obtained elsewhere. Stop whatever else refreshes them "
        "first: a refresh token works once. Reads CSV with a header, or JSON lines, from standard "
        "input: user, account_id, access_token, refresh_token, expires_in or expires_at, scopes. "
        "The exit code is 0 when no row was refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--format",
            dest="form",
            choices=(CSV, JSON_LINES),
            default="",
            help="how the rows are written (default: the first line tells)",
        )
        parser.add_argument(
            "--user-field",
            metavar="FIELD",
            help="what the column user holds: pk, or a field of the user (default: the username)",
        )
        parser.add_argument(
            "--scopes", default="", help="what was granted, for rows that do not say it"
        )
        parser.add_argument("--dry-run", action="store_true", help="look only, and write nothing")

    def handle(
        self, *, form: str, user_field: str | None, scopes: str, dry_run: bool, **options: Any
    ) -> None:
        field = _user_field(user_field)
        rows = _rows(form)
        keep = partial(_outcome, rows, field=field, scopes=scopes, dry_run=dry_run)
        with stopping(NOTHING if dry_run else AGAIN):
            counts = self._adopt(rows, keep)
        for name in (ADOPTED, ALREADY, REFUSED):
            told = "would be adopted" if dry_run and name == ADOPTED else name
            self.stdout.write(f"{told:<18}{counts[name]}")
        if counts[REFUSED]:
            raise CommandError(f"Some rows were refused, for the reasons above. {AGAIN}")

    def _adopt(self, rows: Handover, keep: Callable[[str], str]) -> Counter[str]:
        line, counts = ProgressLine(self.stdout), Counter[str]()
        try:
            for number, row in rows:
                try:
                    counts[keep(row)] += 1
                except ValueError as error:
                    counts[REFUSED] += 1
                    line.wipe()
                    self.stderr.write(f"line {number:<13}{error}")
                line.show(counts.total())
        finally:
            line.wipe()
        return counts


def _rows(form: str) -> Handover:
    """Return what comes on standard input. Raises `CommandError` when no row can be adopted."""
    # A character that is no UTF-8 spoils its row only.
    lines = (line.decode(errors="replace") for line in sys.stdin.buffer)
    with stopping(NOTHING):
        conf.require_for_tokens()
        # Before somebody waits for what cannot be kept.
        BufferLink.objects.using(BufferLink.written_on()).exists()
        try:
            return Handover(lines, form)
        except ValueError as error:
            raise CommandError(f"{NOTHING} {error}") from error


@sensitive_variables()
def _outcome(rows: Handover, row: str, *, field: str, scopes: str, dry_run: bool) -> str:
    """Adopt one row; return what came of it, or raise `ValueError` with the reason."""
    columns = rows.columns(row)
    tokens = granted(columns, scopes=scopes, now=timezone.now())
    user = _user(field, columns["user"])
    try:
        is_new = keep_new(user, tokens, dry_run=dry_run)
    except (IntegrityError, DataError) as error:
        raise ValueError(f"The database refuses it: {type(error).__name__}.") from None
    return ADOPTED if is_new else ALREADY


def _user_field(name: str | None) -> str:
    model = get_user_model()
    if name is None:
        return model.USERNAME_FIELD
    try:
        return name if name == "pk" else model._meta.get_field(name).name
    except FieldDoesNotExist:
        raise CommandError(f"--user-field: users have no field {name}.") from None


def _user(field: str, value: Any) -> Any:
    users = get_user_model()._default_manager.using(BufferLink.written_on())
    try:
        return users.get(**{field: value})
    except MultipleObjectsReturned:
        raise ValueError("user fits several users.") from None
    except (ObjectDoesNotExist, ValidationError, ValueError, TypeError, OverflowError):
        raise ValueError("user is none of this site.") from None
