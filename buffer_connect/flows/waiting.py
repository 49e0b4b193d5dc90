"""Asking again when a rate limit lasts no longer than the caller is ready to wait."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from buffer_connect.flows.steps import Flow, Pause
from buffer_connect.graphql import Answer

# Buffer may say "0 seconds" for as long as it likes.
REPEATS = 3


def outlast_rate_limit(ask: Callable[[], Flow[Answer]], wait: timedelta) -> Flow[Answer]:
    """Return the answer to `ask`, asked again after each pause that Buffer wants, within `wait`.

    Where it tells no pause, or too long a one, the refusal is returned at once.
    """
    give_up_at = monotonic() + wait.total_seconds()
    answer = yield from ask()
    for _ in range(REPEATS):
        pause = answer.retry_after
        if not answer.rate_limited or pause is None or monotonic() + pause > give_up_at:
            break
        yield from Pause(pause)
        answer = yield from ask()
    return answer
