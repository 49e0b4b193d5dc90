"""How long tokens live, when they are due, and how long to wait after a failure.

All in seconds. Randomness is an argument: a function that returns a float from 0 to 1.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from buffer_connect.headers import seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

HOUR = 3600
DAY = 24 * HOUR
YEAR = 365 * DAY

# Defaults of oidc-provider 9, whose paths are Buffer's; Buffer documents none of them.
# A refresh token that nobody uses for so long is no longer taken.
IDLE_LIFE = timedelta(days=14)
# The grant may end at a multiple of this, however often its tokens were refreshed.
GRANT_LIFE = timedelta(days=14)
# A chain of rotated refresh tokens ends here.
CHAIN_LIFE = timedelta(days=365)

SHORTEST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
LONG_PAUSE = 900.0
SHORTEST_PATIENT_PAUSE, LONGEST_PATIENT_PAUSE = 30.0, 6.0 * HOUR
MOST_PATIENTLY_ASKED = 24.0 * HOUR
LAST_CHANCE = 60.0
LEAST_ASKED, MOST_ASKED = 1.0, 900.0


def life(expires_in: object) -> int:
    """Return the life of an access token by what the token response says in `expires_in`.

    An hour, as Buffer's guide says, unless it is a positive integer or a string of digits; a year
    at most.
    """
    if isinstance(expires_in, str) and expires_in.isascii() and expires_in.isdigit():
        expires_in = int(expires_in[:12])
    if not isinstance(expires_in, int) or isinstance(expires_in, bool) or expires_in < 1:
        return HOUR
    return min(expires_in, YEAR)


def due_in(
    life: float, *, margin: float | None, random: Callable[[], float], rests: bool = False
) -> float:
    """Return the seconds from a store until the next refresh is due.

    The margin before the end (a quarter of the life, and 15 minutes at least of lives of an hour
    and more, unless `margin` says otherwise) is spread by 10 %, so that links that were stored
    together do not fall due together. A link that `rests` is only kept alive: about once a day. So is
    one whose access token lives for days, for its refresh token may die of idleness sooner.
    """
    earliest = max(min(30.0, life / 2), 5.0)
    usual = life / 4 if life < HOUR else max(15 * 60.0, life / 4)
    before_end = _spread(usual if margin is None else margin, random)
    due = max(life - before_end, earliest)
    return _spread(DAY, random) if rests or due > DAY else due


def backoff(
    failures: int, *, until_expiry: float, retry_after: float | None, random: Callable[[], float]
) -> float:
    """Return the pause after the `failures`-th failure in a row (the first is 1).

    Full jitter from 2 s up to 4, 8, … 300 s. Not later than a minute before the access token ends
    (`until_expiry`), while that moment lies ahead; never before `retry_after`.
    """
    ceiling = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0 ** min(max(failures, 1), 10))
    pause = SHORTEST_PAUSE + (ceiling - SHORTEST_PAUSE) * random()
    if until_expiry > LAST_CHANCE:
        pause = min(pause, until_expiry - LAST_CHANCE)
    return max(pause, SHORTEST_PAUSE, _asked(retry_after))


def long_backoff(*, retry_after: float | None, random: Callable[[], float]) -> float:
    """Return the pause after an answer that only the site's operator can cure."""
    return max(_spread(LONG_PAUSE, random), _asked(retry_after))


def patient_pause(
    attempts: int, *, retry_after: float | None, random: Callable[[], float]
) -> float:
    """Return the pause after `attempts` tries of what nobody waits for.

    Full jitter from 30 s up to 2, 4, 8, … minutes and at last 6 hours; never before
    `retry_after`, which counts up to a day.
    """
    ceiling = min(LONGEST_PATIENT_PAUSE, 60.0 * 2.0 ** min(max(attempts, 1), 10))
    pause = SHORTEST_PATIENT_PAUSE + (ceiling - SHORTEST_PATIENT_PAUSE) * random()
    return max(pause, min(retry_after or 0.0, MOST_PATIENTLY_ASKED))


def retry_after(header: str | None, now: datetime) -> float | None:
    """Return the pause that a `Retry-After` asks for, from 1 s to 15 min, or None."""
    asked = seconds(header, now)
    return None if asked is None else _asked(asked)


def _spread(middle: float, random: Callable[[], float]) -> float:
    return middle * (0.9 + 0.2 * random())


def _asked(retry_after: float | None) -> float:
    if retry_after is None:
        return 0.0
    return min(max(retry_after, LEAST_ASKED), MOST_ASKED)
