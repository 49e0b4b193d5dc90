"""Rows that are to become links, as CSV or as JSON lines: one row a line, never more than one held.

What is wrong with a row is told without a word of what stands in it: a column that slipped may hold a
token.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from django.views.decorators.debug import sensitive_variables

from buffer_connect.models.adoption import grant
from buffer_connect.models.granted import Granted

CSV, JSON_LINES = "csv", "jsonl"
REQUIRED = ("user", "account_id", "access_token")

Columns = Mapping[str, Any]


class Handover:
    """The rows in `lines`, which are read once. An empty `form` is found by the first line.

    Raises `ValueError` when there is no row, or the header names too little.
    """

    def __init__(self, lines: Iterable[str], form: str = "") -> None:
        self._lines = ((n, line) for n, line in enumerate(lines, start=1) if line.strip())
        number, first = next(self._lines, (0, ""))
        if not number:
            raise ValueError("Nothing came on standard input.")
        # Spreadsheets begin with the mark of UTF-8.
        first = first.removeprefix("\ufeff")
        self.form = form or (JSON_LINES if first.lstrip().startswith("{") else CSV)
        self._first = [] if self.form == CSV else [(number, first)]
        self._header = _header(first) if self.form == CSV else []

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Yield each row with the number of its line."""
        yield from self._first
        yield from self._lines

    def columns(self, line: str) -> Columns:
        """Return what stands in a row by the names of its columns, or raise `ValueError`."""
        return _json(line) if self.form == JSON_LINES else self._csv(line)

    @sensitive_variables()
    def _csv(self, line: str) -> Columns:
        values = _values(line)
        if len(values) != len(self._header):
            raise ValueError(f"It has {len(values)} values for {len(self._header)} columns.")
        return dict(zip(self._header, values, strict=True))


@sensitive_variables()
def granted(columns: Columns, *, scopes: str, now: datetime) -> Granted:
    """Return the tokens of a row; `scopes` are those of rows that name none.

    Raises `ValueError` for what cannot be a link.
    """
    missing = [name for name in REQUIRED if not columns.get(name)]
    if missing:
        raise ValueError(f"{', '.join(missing)} has to be there.")
    return grant(
        account_id=columns["account_id"],
        access_token=columns["access_token"],
        refresh_token=columns.get("refresh_token") or None,
        expires_in=_seconds_left(columns, now),
        scopes=_scopes(columns.get("scopes") or scopes),
    )


def _header(line: str) -> list[str]:
    header = [name.lower() for name in _values(line)]
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise ValueError(f"The first line has to name the columns; missing: {', '.join(missing)}.")
    return header


def _values(line: str) -> list[str]:
    try:
        return [value.strip() for value in next(csv.reader([line], strict=True))]
    except csv.Error:
        raise ValueError("It is no line of CSV.") from None


@sensitive_variables()
def _json(line: str) -> Columns:
    row: Any = None
    with suppress(ValueError, RecursionError):
        row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("It is no JSON object.")
    return row


def _seconds_left(columns: Columns, now: datetime) -> float:
    """Of an access token about whose end nothing is said nothing is left."""
    if columns.get("expires_in") not in (None, ""):
        return _number("expires_in", columns["expires_in"])
    if columns.get("expires_at") not in (None, ""):
        return (_moment(columns["expires_at"]) - now).total_seconds()
    return 0.0


def _moment(value: Any) -> datetime:
    """Return the time in `value`: ISO 8601, in UTC unless it says otherwise, or seconds since 1970."""
    with suppress(ValueError, TypeError):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return datetime.fromtimestamp(_number("expires_at", value), UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("expires_at has to be a time: ISO 8601, or seconds since 1970.") from None


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"{name} has to be a number of seconds.") from None


def _scopes(value: Any) -> list[Any]:
    scopes = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(scopes, list) or scopes in ([], [""]):
        raise ValueError("scopes has to be there, or --scopes.")
    return scopes
