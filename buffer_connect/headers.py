"""Reading response headers; those of an HTTP library and a plain dict alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


def header(headers: Mapping[str, str], name: str) -> str | None:
    """Return the header `name` in whatever case it came, or None."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def pause_asked(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for (RFC 9110 section 10.2.3), or None.

    A date in it is measured from the response's own `Date`: no clock is read, and a wrong one
    on either side does no harm.
    """
    value = header(headers, "Retry-After")
    return seconds(value, http_date(header(headers, "Date")))


def seconds(value: str | None, now: datetime | None) -> float | None:
    """Return the seconds that a `Retry-After` value means at `now`, or None."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return float(value.strip())
    until = http_date(value)
    return max(0.0, (until - now).total_seconds()) if until and now else None


def http_date(value: str | None) -> datetime | None:
    """Return the HTTP date in `value` (RFC 9110 section 5.6.7), or None."""
    try:
        date = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
