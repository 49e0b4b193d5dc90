"""How long each step may take; the numbers of the refresh protocol."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from functools import lru_cache
from typing import Any

COUNTS = frozenset({"IN_FLIGHT", "SENDS_PER_SECOND"})


class InvalidTiming(ValueError):
    """A time cannot be used; the text says what would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds, but for the counts; `TIMING` holds the same names in upper case."""

    # None: a quarter of the life, and at least 15 minutes of lives of an hour and more.
    margin: float | None = None
    preflight: float = 5.0
    connect: float = 5.0
    read: float = 60.0
    total: float = 75.0
    commit: float = 60.0
    skew: float = 5.0
    lease: float = 180.0
    quarantine: float = 600.0
    call_wait: float = 10.0
    exchange: float = 15.0
    api: float = 25.0
    in_flight: int = 16
    sends_per_second: int = 20

    @classmethod
    @lru_cache(maxsize=1)
    def names(cls) -> tuple[str, ...]:
        """Return the keys that `TIMING` may hold."""
        return tuple(field.name.upper() for field in fields(cls))

    @classmethod
    def of(cls, given: dict[str, object]) -> Timing:
        """Return the timing that `given` (timedeltas, `COUNTS` ints) makes of the defaults.

        Raises `InvalidTiming` for a value that is not positive or of another type, and for
        times that do not fit together: a second worker must never start while the first one may
        still be at work.
        """
        return _fitting(**{name.lower(): _value(name, given[name]) for name in given})


@lru_cache(maxsize=8)
def _fitting(**values: Any) -> Timing:
    timing = Timing(**values)
    if timing.lease < timing.preflight + timing.total + timing.commit + timing.skew:
        raise InvalidTiming("LEASE must be at least PREFLIGHT + TOTAL + COMMIT + SKEW.")
    if timing.quarantine < timing.lease + timing.total:
        raise InvalidTiming("QUARANTINE must be at least LEASE + TOTAL.")
    return timing


def _value(name: str, value: object) -> float:
    if name in COUNTS:
        return _count(name, value)
    if not isinstance(value, timedelta) or value <= timedelta(0):
        raise InvalidTiming(f"{name} must be a positive timedelta.")
    return value.total_seconds()


def _count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidTiming(f"{name} must be a positive int.")
    return value
