"""What goes wrong at the server, and how often: faults of the sandbox, as data."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.reliability.timing import LEASE, TELLS_WITHIN, TOTAL

# Longer than the client waits, and well within that.
TOO_SLOW, SLOW = TOTAL + 0.8, TOTAL / 2
# Longer than a client may hold a link.
HANG = LEASE + 1.5
# The longest body of a token response.
BODY = 1000

# Errors of RFC 6749 and others that say nothing of whether the token was consumed.
TELLS_NOTHING = "server_error", "temporarily_unavailable", "invalid_target"
# And those that say that it was not: the request is wrong.
MISCONFIGURED = "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_grant_type"

Options = Callable[[random.Random], dict[str, Any]]


def _status(*statuses: int) -> Options:
    return lambda rng: {"status": rng.choice(statuses)}


def _error(*, consume: bool) -> Options:
    return lambda rng: {"error": rng.choice(TELLS_NOTHING), "consume": consume}


# Weight, kind, and what makes its options.
Fault = tuple[int, str, Options]
# None of these endpoints can consume anything.
ELSEWHERE: tuple[Fault, ...] = (
    (2, "outage", lambda rng: {}),
    (1, "reset", lambda rng: {}),
    (2, "error_before", _status(500, 502, 503)),
    (1, "cut", lambda rng: {"size": rng.randint(0, 40)}),
    (1, "html", _status(200, 403)),
    (1, "redirect", lambda rng: {"to": "/"}),
    (1, "rate_limit", lambda rng: {}),
)
FAULTS: dict[str, tuple[Fault, ...]] = {
    "token": (
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
        (2, "redirect", lambda rng: {"status": rng.choice((302, 307)), "to": "/token"}),
        (1, "oauth_error", _error(consume=False)),
        # The token is not consumed, and the client knows.
        (4, "rate_limit", lambda rng: {"retry_after": str(rng.randint(1, 3))}),
        (2, "oauth_error", lambda rng: {"error": rng.choice(MISCONFIGURED)}),
        # All is well, but late.
        (4, "slow", lambda rng: {"seconds": rng.uniform(0.1, SLOW)}),
    ),
    "api": (
        *ELSEWHERE,
        (5, "graphql_error", _status(200, 401, 401)),
        (2, "slow", lambda rng: {"seconds": rng.uniform(0.1, TOO_SLOW)}),
    ),
    "introspection": (
        *ELSEWHERE,
        (1, "oauth_error", lambda rng: {"error": "unsupported_token_type"}),
        (2, "slow", lambda rng: {"seconds": rng.uniform(0.1, 2 * TELLS_WITHIN)}),
    ),
    # Also after the grant has ended by it.
    "revocation": (
        *ELSEWHERE,
        (2, "lose_answer", lambda rng: {}),
        (2, "error_after", _status(503)),
    ),
}


def any_fault(rng: random.Random, endpoint: str) -> tuple[str, dict[str, Any]]:
    """Return the kind and the options of a fault for one or two requests to an endpoint."""
    weights = [weight for weight, _, _ in FAULTS[endpoint]]
    ((_, kind, options),) = rng.choices(FAULTS[endpoint], weights)
    return kind, {"on": endpoint, "times": rng.randint(1, 2), **options(rng)}


def met(request: Mapping[str, Any]) -> str:
    """Return which fault a request met, by the server's record; "" where it met none."""
    hung = (request["ended_at"] or request["at"]) - request["at"] >= HANG
    if request["error"] in MISCONFIGURED:
        return "misconfigured"
    return "hang" if hung else str(request["fault"])
