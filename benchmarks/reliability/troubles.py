"""What goes wrong at the server, and how often: faults of the sandbox, as data."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.reliability.timing import LEASE, TOTAL

# Longer than the client waits, and well within that.
TOO_SLOW, SLOW = TOTAL + 0.8, TOTAL / 2
# Longer than a client may hold a link.
HANG = LEASE + 1.5
# The longest body of a token response.
BODY = 1000

# Errors of RFC 6749 and others that say nothing of whether the token was consumed.
TELLS_NOTHING = "server_error", "temporarily_unavailable", "invalid_target"

Options = Callable[[random.Random], dict[str, Any]]


def _status(*statuses: int) -> Options:
    return lambda rng: {"status": rng.choice(statuses)}


def _error(*, consume: bool) -> Options:
    return lambda rng: {"error": rng.choice(TELLS_NOTHING), "consume": consume}


# Weight, kind, and what makes its options.
FAULTS: tuple[tuple[int, str, Options], ...] = (
    # The token is consumed, and the answer never arrives whole.
    (2, "lose_answer", lambda rng: {}),
    (2, "cut", lambda rng: {"size": rng.randint(0, BODY)}),
    (2, "error_after", _status(500, 502, 503)),
    (1, "reset", lambda rng: {"consume": True}),
    (1, "gateway", lambda rng: {"late": rng.uniform(0.2, 1.5)}),
    (1, "slow", lambda rng: {"seconds": TOO_SLOW}),
    (1, "oauth_error", _error(consume=True)),
    # The token is not consumed, and the client cannot know.
    (3, "outage", lambda rng: {}),
    (2, "outage", lambda rng: {"seconds": HANG}),
    (3, "reset", lambda rng: {}),
    (3, "error_before", _status(500, 502, 503, 504)),
    (3, "html", _status(200, 403, 502)),
    (1, "oauth_error", _error(consume=False)),
    # The token is not consumed, and the client knows.
    (4, "rate_limit", lambda rng: {"retry_after": str(rng.randint(1, 3))}),
    # All is well, but late.
    (4, "slow", lambda rng: {"seconds": rng.uniform(0.1, SLOW)}),
)


def any_fault(rng: random.Random) -> tuple[str, dict[str, Any]]:
    """Return the kind and the options of a fault for one or two requests."""
    weights = [weight for weight, _, _ in FAULTS]
    ((_, kind, options),) = rng.choices(FAULTS, weights)
    return kind, {"times": rng.randint(1, 2), **options(rng)}


def met(request: Mapping[str, Any]) -> str:
    """Return which fault a request met, by the server's record; "" where it met none."""
    hung = (request["ended_at"] or request["at"]) - request["at"] >= HANG
    return "hang" if hung else str(request["fault"])
