"""Refreshing where the caller stands: one link, or those of one claim one by one."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from buffer_connect.flows.refresh.claim import Attempt, Claim
from buffer_connect.flows.refresh.pipeline import Pipeline
from buffer_connect.flows.refresh.sending import send
from buffer_connect.flows.refresh.settle import settle

P = ParamSpec("P")
T = TypeVar("T")


class InPlace(Executor):
    """Runs each call where it is submitted."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def refresh(claimed: Claim) -> bool | None:
    """Refresh the links of one claim, one by one.

    Returns whether the token endpoint answered, and with anything but `invalid_client`; None when
    none of them could be sent.
    """
    claims = iter([claimed])
    pipeline = Pipeline(lambda _: next(claims, None), most=1, executor=InPlace())
    pipeline.run()
    if not pipeline.was_sent:
        return None
    return pipeline.was_answered and not pipeline.was_refused


def refresh_one(attempt: Attempt) -> None:
    """Send one link that is written down already, and settle the answer."""
    settle(attempt, send(attempt))
