"""One flow for callers that block and for callers that await.

A flow is a generator. Between two of its steps it is quick and may read the database; a step takes
its time. `run` takes the steps where the caller stands, `arun` lets the event loop go on meanwhile.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from time import sleep
from typing import Any, Generic, TypeAlias, TypeVar

from asgiref.sync import sync_to_async

from buffer_connect.conf import conf
from buffer_connect.flows.refresh.worker import done_in_place

T = TypeVar("T")


class Step(ABC, Generic[T]):
    """What takes its time. A flow gets its result by `yield from`."""

    def __iter__(self) -> Generator["Step[Any]", None, T]:
        yield self
        return self.result()

    @abstractmethod
    def take(self) -> None:
        """Let it happen; the caller's thread waits."""

    @abstractmethod
    async def atake(self) -> None:
        """Let it happen; the event loop goes on."""

    @abstractmethod
    def result(self) -> T:
        """Return what came of it once it was taken, or raise that."""


Flow: TypeAlias = Generator[Step[Any], None, T]


class Awaited(Step[T]):
    """A job of the engine, for which the flow waits so many seconds at most.

    The job belongs to all who wait for it, and to none of them: who gives up, or is cancelled,
    leaves it alone. Its result is a `TimeoutError` where it is not there in time.
    """

    def __init__(self, job: Future[T], seconds: float) -> None:
        self._job = job
        self._seconds = seconds

    def take(self) -> None:
        wait([self._job], self._seconds)

    async def atake(self) -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def tell(job: Future[T]) -> None:
            # Nobody waits in a loop that has been closed meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set)

        self._job.add_done_callback(tell)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await done.wait()

    def result(self) -> T:
        return self._job.result(timeout=0)


class Request(Step[T]):
    """A request to Buffer; it touches no database."""

    _answer: Future[T]

    def __init__(self, send: Callable[[], T]) -> None:
        self._send = send

    def take(self) -> None:
        self._answer = done_in_place(self._send)

    async def atake(self) -> None:
        # Not thread-sensitive, for it has no part in the caller's connections. Threads of their
        # own, for a slow Buffer must not hold up what else the site's default threads do.
        await sync_to_async(self.take, thread_sensitive=False, executor=_threads())()

    def result(self) -> T:
        return self._answer.result()


class Pause(Step[None]):
    """So many seconds in which nothing happens."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def take(self) -> None:
        sleep(self._seconds)

    async def atake(self) -> None:
        await asyncio.sleep(self._seconds)

    def result(self) -> None:
        """There is none."""


@dataclass(frozen=True, slots=True)
class _End(Generic[T]):
    result: T


def run(flow: Flow[T]) -> T:
    """Run `flow` on this thread and return its result."""
    while True:
        match _go_on(flow):
            case _End(result):
                return result
            case step:
                step.take()


async def arun(flow: Flow[T]) -> T:
    """Run `flow` and return its result, without a thread while it waits for the engine.

    Cancelled, it leaves to the engine what the engine does; a request that waits for a thread is
    not sent any more, one that is out goes on without anybody to hear the answer.
    """
    while True:
        # Thread-sensitive: the row is read on the connection on which Django's own async ORM would
        # read it, which sees what the caller has written, and which Django closes.
        match await sync_to_async(_go_on, thread_sensitive=True)(flow):
            case _End(result):
                return result
            case step:
                await step.atake()


def _go_on(flow: Flow[T]) -> Step[Any] | _End[T]:
    try:
        return next(flow)
    except StopIteration as end:
        return _End(end.value)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(conf.timing.in_flight, "buffer-connect-api")


# A forked child has its parent's pool, but not its threads.
os.register_at_fork(after_in_child=_threads.cache_clear)
