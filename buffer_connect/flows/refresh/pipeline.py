"""One engine: claimed links are prepared, written down, sent and settled, several at a time.

The requests run on threads that touch no database; everything else runs here, on one connection.
One link for one caller is a pipeline with one link in it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from queue import Empty, SimpleQueue
from threading import Event
from time import monotonic
from typing import Any, TypeVar

from buffer_connect.conf import conf
from buffer_connect.flows import announce
from buffer_connect.flows.refresh import introspection
from buffer_connect.flows.refresh.claim import Attempt, Claim, prepare, record_intent, release
from buffer_connect.flows.refresh.halt import Halt, halts
from buffer_connect.flows.refresh.resend import may_be_sent, may_leave
from buffer_connect.flows.refresh.sending import send
from buffer_connect.flows.refresh.settle import (
    Landed,
    Locked,
    settle,
    settle_on_a_thread,
    settle_unless_locked,
)
from buffer_connect.flows.refresh.worker import worker
from buffer_connect.oauth.token import NOT_SENT, Verdict
from buffer_connect.sealing import Secret
from buffer_connect.stopping import Stop

T = TypeVar("T")

# Where one is sent after the other, so many wait written down: one commit does for a few. A kill
# leaves them in doubt too, so where many are out nobody waits like that.
AHEAD = 4
# At least; one claim for every few links would take longer than what is done with them.
CLAIMED_AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing can be claimed for so many seconds."""

    seconds: float


class Pipeline:
    """Keeps up to `most` requests out and stores each answer as it arrives.

    `claim_more` takes the number of links that may be claimed and returns a claim, a pause before
    it is asked again, or None when there is nothing left; `on_unsent` is told how many of a claim
    cannot be sent. With `learns` it finds out whether the server can be asked about tokens. As soon
    as Buffer refuses this client, the brake is on, or `stop` is set, nothing more is sent, and what
    was not sent is given back. The requests run on threads, or on `executor`.
    """

    def __init__(
        self,
        claim_more: Callable[[int], Claim | Pause | None],
        *,
        most: int,
        on_unsent: Callable[[int], None] | None = None,
        learns: bool = False,
        executor: Executor | None = None,
        stop: Stop | None = None,
    ) -> None:
        self.was_sent = self.was_answered = self.was_refused = False
        self._claim_more = claim_more
        self._most = most
        self._written_at_most, self._refilled_at = (most, most - 1) if most > 1 else (1 + AHEAD, 1)
        self._on_unsent = on_unsent
        self._learns = learns
        self._executor = executor or ThreadPoolExecutor(most, "buffer-connect-send")
        # Who has one link waits for its row; a sweep has others to see to.
        self._hands_over = executor is None
        self._stop = stop or Event()
        self._goes_on = True
        self._is_braked = False
        # The monotonic moment until which nothing can be claimed.
        self._paused_until = 0.0
        # Claimed; written down as sent; out. No link is in two of them.
        self._waiting: deque[Attempt] = deque()
        self._ready: deque[Attempt] = deque()
        self._out: dict[Future[Landed], Attempt] = {}
        self._landed: SimpleQueue[Future[Any]] = SimpleQueue()
        self._is_asking = False
        # Answers to links whose rows others have locked: each waits on a thread of its own.
        self._handed_over: list[Future[None]] = []

    def run(self) -> None:
        """Work until nothing is left to claim.

        Whatever ends it, the answers to all that is out are stored first; then the site is told,
        whose receivers may take their time.
        """
        with announce.afterwards(), self._executor, ExitStack() as stack:
            stack.callback(lambda: wait(self._handed_over, timeout=conf.timing.commit))
            stack.callback(lambda: release(self._waiting))
            stack.callback(self._land_all)
            while self._has_work and not self._is_over:
                self._take_more()
                self._write_down()
                self._launch()
                self._land_or_wait()

    @property
    def _has_work(self) -> bool:
        return bool(self._goes_on or self._waiting or self._ready or self._out)

    @property
    def _is_over(self) -> bool:
        return self.was_refused or self._is_braked or self._stop.is_set()

    def _take_more(self) -> None:
        """Claim anew when half of what waited has gone: for two rounds, or a few."""
        if not self._goes_on or len(self._waiting) > self._most // 2 or self._pause_left:
            return
        room = max(2 * self._most, CLAIMED_AT_ONCE) - len(self._waiting) - len(self._out)
        match self._claim_more(room):
            case None:
                self._goes_on = False
            case Pause(seconds=seconds):
                self._paused_until = monotonic() + seconds
            case Claim() as claimed:
                self._line_up(claimed)

    def _line_up(self, claimed: Claim) -> None:
        attempts = prepare(claimed)
        if introspection.is_untried():
            # What others teach of the server, it can be asked about those in doubt.
            attempts.sort(key=attrgetter("is_resend"))
        self._waiting += attempts
        if self._on_unsent:
            self._on_unsent(len(claimed.links) - len(attempts))

    def _write_down(self) -> None:
        if not self._has_room:
            return
        free = self._written_at_most - len(self._out) - len(self._ready)
        for attempts in _by_claim(self._next_group(free)):
            looked_at = [may_be_sent(each, self._ask) for each in attempts]
            sendable = [each for each in looked_at if each]
            self._ready += record_intent(sendable)

    def _ask(self, token: Secret) -> bool | None:
        return self._aside(introspection.ask, token)

    def _aside(self, ask: Callable[[Secret], T], token: Secret) -> T:
        """Return what `ask` says of `token`; on a thread, so that what arrives meanwhile is settled."""
        self._is_asking = True
        asked = self._executor.submit(ask, token)
        asked.add_done_callback(self._landed.put)
        while self._land() is not asked:
            pass
        self._is_asking = False
        return asked.result()

    @property
    def _has_room(self) -> bool:
        """Whether more can be written down: as soon as a place is free, or nobody waits for the one."""
        return bool(self._waiting) and len(self._out) + len(self._ready) <= self._refilled_at

    def _next_group(self, free: int) -> list[Attempt]:
        """Take up to `free` that wait; one in doubt goes by itself.

        The server may be asked about that one, for seconds. So what has arrived is settled before,
        and what is written down has left.
        """
        group = [self._waiting.popleft()]
        while group[0].is_resend and self._others_come_first:
            self._land()
        while not group[0].is_resend and len(group) < free and self._next_is_new:
            group.append(self._waiting.popleft())
        return group

    @property
    def _next_is_new(self) -> bool:
        return bool(self._waiting) and not self._waiting[0].is_resend

    @property
    def _others_come_first(self) -> bool:
        """Whether an answer has arrived, or may yet teach whether the server can be asked."""
        return not self._landed.empty() or (introspection.is_untried() and bool(self._out))

    def _launch(self) -> None:
        while self._may_launch:
            may_go = may_leave(self._ready[0])
            attempt = self._ready.popleft()
            if not may_go:
                self._is_settled(attempt, Landed.now(NOT_SENT))
                continue
            self.was_sent = True
            future = self._executor.submit(self._send, attempt)
            self._out[future] = attempt
            future.add_done_callback(self._landed.put)

    @property
    def _may_launch(self) -> bool:
        if not self._ready or self._is_over:
            return False
        # What goes out again was looked at a moment before, so it does not wait for its turn.
        return len(self._out) < self._most or not self._ready[0].is_resend

    def _send(self, attempt: Attempt) -> Landed:
        """Send what is written down, on a thread; not any more once that is over."""
        if self._is_over:
            return Landed.now(NOT_SENT)
        landed = send(attempt)
        self.was_refused |= landed.outcome.verdict == Verdict.CLIENT_REJECTED
        return landed

    @property
    def _pause_left(self) -> float:
        return max(0.0, self._paused_until - monotonic())

    def _land_or_wait(self) -> None:
        """Settle what arrives; wait for it no longer than until more can be claimed."""
        pause = self._pause_left
        if not self._has_room and (self._out or pause):
            with suppress(Empty):
                self._land(timeout=pause or None)

    def _land(self, *, timeout: float | None = None) -> Future[Any]:
        """Settle the answer that arrived first, and return it. Raises `Empty` when none does in time."""
        future = self._landed.get(timeout=timeout)
        if future in self._out:
            self._take_in(self._out.pop(future), future.result())
        return future

    def _take_in(self, attempt: Attempt, landed: Landed) -> None:
        outcome = landed.outcome
        self.was_answered |= outcome.answered or outcome.verdict == Verdict.OK
        if not self._is_settled(attempt, landed):
            return
        if outcome.verdict == Verdict.REFUSED:
            self._is_braked |= Halt.BRAKE in halts()
        if outcome.tokens and outcome.tokens.refresh_token and self._may_learn:
            self._aside(introspection.learn, outcome.tokens.refresh_token)

    @property
    def _may_learn(self) -> bool:
        is_free = not (self._is_asking or self._is_over)
        return self._learns and is_free and introspection.is_untried()

    def _is_settled(self, attempt: Attempt, landed: Landed) -> bool:
        """Settle it, or have a thread wait until others let go of the row: the next answer does not."""
        if not self._hands_over:
            settle(attempt, landed)
            return True
        try:
            settle_unless_locked(attempt, landed)
        except Locked:
            key = ("settle", *attempt.held.values())
            self._handed_over.append(
                worker.submit(key, partial(settle_on_a_thread, attempt, landed))
            )
            return False
        return True

    def _land_all(self) -> None:
        with ExitStack() as stack:
            for attempt in self._ready:
                stack.callback(self._is_settled, attempt, Landed.now(NOT_SENT))
            for _ in self._out:
                stack.callback(self._land_one_that_is_out)

    def _land_one_that_is_out(self) -> None:
        """Settle an answer, unless all are; what the server told of a token may lie before it."""
        out = len(self._out)
        while 0 < len(self._out) == out:
            self._land()


def _by_claim(attempts: Iterable[Attempt]) -> Iterator[list[Attempt]]:
    return (list(group) for _, group in groupby(attempts, key=lambda each: each.owner))
