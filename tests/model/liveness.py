"""What becomes of a link that nobody is at, if from now on nothing goes wrong."""

from tests.model.row import ACTIVE, REVOKED
from tests.model.world import IDLE

# The first of them that can be taken is taken. The server does not say what it knows.
COURSE = [
    "T3",
    "T7",
    "T7, judges",
    "arrives (tokens)",
    "arrives (invalid_grant)",
    "sends",
    "T2",
    "E2",
    "T8, asks (nothing)",
    "T1",
    "U2",
    "the lease ends",
    "the access token ends",
    "the quarantine passes",
    "the brake is taken off, resume",
]


def is_left_alone(state):
    """Whether the link holds a refresh token, and nobody is at it, and no request under way."""
    return state.row.refresh_token and state.workers == (IDLE, IDLE) and not state.wire


def can_be_saved(state):
    """Whether the refresh token that the link holds works."""
    return state.server.is_good(state.row.held)


def outcome(protocol, state):
    """Return what the row comes to: refreshed, the reason of its end, or stuck."""
    held, was_active = state.row.held, state.row.status == ACTIVE
    while True:
        state = _next(protocol, state)
        if state is None:
            return "stuck"
        if state.row.held > held:
            return "refreshed"
        if was_active and state.row.status == REVOKED:
            return state.row.reason
        was_active = state.row.status == ACTIVE


def _next(protocol, state):
    possible = {str(step).rpartition(": ")[2]: step.state for step in protocol.steps(state)}
    return next((possible[name] for name in COURSE if name in possible), None)
