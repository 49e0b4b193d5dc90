"""One engine: claimed links are prepared, written down, sent and settled, several at a time.

The requests run on threads that touch no database; everything else runs here, on one connection.
One link for one caller is a pipeline with one link in it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from queue import SimpleQueue
from time import monotonic
from typing import ParamSpec, TypeVar

from django.core.exceptions import ImproperlyConfigured

from buffer_connect import transport
from buffer_connect.conf import conf
from buffer_connect.flows.refresh.claim import Attempt, Claim, prepare, record_intent, release
from buffer_connect.flows.refresh.resend import may_be_sent, note_resend
from buffer_connect.flows.refresh.settle import Landed, settle
from buffer_connect.oauth.token import NOT_SENT, Verdict
from buffer_connect.sealing import Secret

P = ParamSpec("P")
T = TypeVar("T")

# Sent one by one, so many are written down before they are: a kill leaves no more in doubt.
AHEAD = 4
# At least; one claim for every few links would take longer than what is done with them.
CLAIMED_AT_ONCE = 16


def refresh(claimed: Claim) -> bool:
    """Refresh the links of one claim, one by one.

    Returns whether the token endpoint answered, and with anything but `invalid_client`.
    """
    claims = iter([claimed])
    pipeline = Pipeline(lambda _: next(claims, None), most=1)
    pipeline.run()
    return pipeline.was_answered and not pipeline.was_refused


class Pipeline:
    """Keeps up to `most` requests out and stores each answer as it arrives.

    `claim_more` takes the number of links that may be claimed and returns a claim, or None when
    there is nothing left; `on_stored` is told each new refresh token. As soon as Buffer refuses
    this client nothing more is sent, and what was not sent is given back.
    """

    def __init__(
        self,
        claim_more: Callable[[int], Claim | None],
        *,
        most: int,
        on_stored: Callable[[Secret], None] | None = None,
    ) -> None:
        self.was_answered = False
        self.was_refused = False
        self._claim_more = claim_more
        self._most = most
        self._on_stored = on_stored
        self._goes_on = True
        # Claimed; written down as sent; out. No link is in two of them.
        self._waiting: deque[Attempt] = deque()
        self._ready: deque[Attempt] = deque()
        self._out: dict[Future[Landed], Attempt] = {}
        self._landed: SimpleQueue[Future[Landed]] = SimpleQueue()

    def run(self) -> None:
        """Work until nothing is left to claim.

        Whatever ends it, the answers to all that is out are stored first.
        """
        with self._executor() as executor, ExitStack() as stack:
            stack.callback(lambda: release(self._waiting))
            stack.callback(self._land_all)
            while self._has_work and not self.was_refused:
                self._take_more()
                self._write_down()
                self._launch(executor)
                if self._out:
                    self._land()

    @property
    def _has_work(self) -> bool:
        return bool(self._goes_on or self._waiting or self._ready or self._out)

    def _executor(self) -> Executor:
        if self._most == 1:
            return InPlace()
        return ThreadPoolExecutor(self._most, "buffer-connect-send")

    def _take_more(self) -> None:
        """Claim anew when half of what waited has gone: twice what may be out, or a few."""
        if not self._goes_on or len(self._waiting) > self._most // 2:
            return
        room = max(2 * self._most, CLAIMED_AT_ONCE) - len(self._waiting) - len(self._out)
        claimed = self._claim_more(room)
        if claimed is None:
            self._goes_on = False
        else:
            self._waiting += prepare(claimed)

    def _write_down(self) -> None:
        if self._ready:
            return
        free = AHEAD if self._most == 1 else self._most - len(self._out)
        group = [self._waiting.popleft() for _ in range(min(free, len(self._waiting)))]
        for attempts in _by_claim(group):
            sendable = [each for each in map(may_be_sent, attempts) if each]
            self._ready += record_intent(sendable)

    def _launch(self, executor: Executor) -> None:
        while self._ready and len(self._out) < self._most:
            note_resend(self._ready[0])
            attempt = self._ready.popleft()
            future = executor.submit(_send, attempt)
            self._out[future] = attempt
            future.add_done_callback(self._landed.put)

    def _land(self) -> None:
        """Settle the answer that arrived first."""
        future = self._landed.get()
        attempt = self._out.pop(future)
        landed = future.result()
        outcome = landed.outcome
        self.was_answered |= outcome.answered or outcome.verdict == Verdict.OK
        self.was_refused |= outcome.verdict == Verdict.CLIENT_REJECTED
        settle(attempt, landed)
        if self._on_stored and outcome.tokens and outcome.tokens.refresh_token:
            self._on_stored(outcome.tokens.refresh_token)

    def _land_all(self) -> None:
        with ExitStack() as stack:
            for attempt in self._ready:
                stack.callback(settle, attempt, Landed.now(NOT_SENT))
            for _ in self._out:
                stack.callback(self._land)


class InPlace(Executor):
    """Runs each call where it is submitted."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _send(attempt: Attempt) -> Landed:
    sent_at = monotonic()
    try:
        outcome = transport.refresh(attempt.token, write_by=attempt.send_by + conf.timing.connect)
    except ImproperlyConfigured:
        # The settings are read before anything is written.
        outcome = NOT_SENT
    return Landed(outcome=outcome, sent_at=sent_at, arrived_at=monotonic())


def _by_claim(attempts: Iterable[Attempt]) -> Iterator[list[Attempt]]:
    return (list(group) for _, group in groupby(attempts, key=lambda each: each.owner))
