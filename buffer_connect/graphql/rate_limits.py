"""How many requests Buffer still answers, as its response headers tell it.

Today's form are two structured fields (draft-ietf-httpapi-ratelimit-headers-10, RFC 9651), with an
entry for each window; the older ones tell of one window only. Of what cannot be read nothing is
told, and nothing is raised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from buffer_connect.headers import header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# By their seconds, under the names that Buffer gives them in `extensions.window`.
WINDOWS = {900: "15m", 86_400: "24h", 2_592_000: "30d"}
# A larger reset is a moment (seconds since the epoch), as some of the older forms have it.
LONGEST_PAUSE = 100_000_000
# Seconds that the two clocks may differ by.
SKEW = 60

_NUMBER = re.compile(r"[0-9]{1,10}")
_STRING = r'"(?:\\.|[^"\\])*"'
_MEMBER, _PART = (re.compile(rf'(?:{_STRING}|[^{mark}"])+') for mark in ",;")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """One window: `remaining` of `limit` requests are left until `resets_at` (UTC)."""

    limit: int
    remaining: int
    resets_at: datetime


def read_rate_limits(headers: Mapping[str, str], now: datetime) -> dict[str, RateLimit]:
    """Return the limits that `headers`, which came at `now`, tell of, by the name of their window.

    Windows other than Buffer's three are named by their seconds: `60s`.
    """
    return (
        _structured(headers, now)
        or _plain(headers, "RateLimit", now)
        or _plain(headers, "X-RateLimit", now)
    )


def _structured(headers: Mapping[str, str], now: datetime) -> dict[str, RateLimit]:
    left = dict(_members(header(headers, "RateLimit")))
    limits = {}
    # The names carry no meaning but that of one policy and what is left of it belonging together.
    for name, policy in _members(header(headers, "RateLimit-Policy")):
        window, state = _number(policy.get("w")), left.get(name, {})
        limit = _limit(policy.get("q"), state.get("r"), state.get("t"), now)
        if window and limit:
            limits[_name(window)] = limit
    return limits


def _plain(headers: Mapping[str, str], prefix: str, now: datetime) -> dict[str, RateLimit]:
    quota, remaining, reset = (
        next(_members(header(headers, f"{prefix}-{what}")), ("", {}))[0]
        for what in ("Limit", "Remaining", "Reset")
    )
    limit = _limit(quota, remaining, reset, now)
    if limit is None:
        return {}
    policies = header(headers, f"{prefix}-Limit"), header(headers, "RateLimit-Policy")
    windows = {item: policy.get("w") for value in policies for item, policy in _members(value)}
    return {_name(_number(windows.get(quota)) or _shortest(limit.resets_at - now)): limit}


def _shortest(pause: timedelta) -> int:
    # Where no policy names the window, it is at least as long as the time to its reset.
    least = pause.total_seconds() - SKEW
    return next((window for window in WINDOWS if least <= window), max(WINDOWS))


def _limit(
    quota: str | None, remaining: str | None, reset: str | None, now: datetime
) -> RateLimit | None:
    limit, left, pause = _number(quota), _number(remaining), _number(reset)
    if limit is None or left is None or pause is None:
        return None
    is_moment = pause > LONGEST_PAUSE
    resets_at = datetime.fromtimestamp(pause, UTC) if is_moment else now + timedelta(seconds=pause)
    return RateLimit(limit=limit, remaining=left, resets_at=resets_at)


def _members(value: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    """The members of a list, each with its parameters (RFC 9651 section 3.1)."""
    for member in _MEMBER.findall(value or ""):
        item, *parameters = [part.strip() for part in _PART.findall(member)] or [""]
        pairs = (parameter.partition("=") for parameter in parameters)
        yield item, {key: value for key, _, value in pairs}


def _number(value: str | None) -> int | None:
    return int(value) if value and _NUMBER.fullmatch(value) else None


def _name(window: int) -> str:
    return WINDOWS.get(window, f"{window}s")
