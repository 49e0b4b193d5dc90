"""The engine's threads: work that outlives its caller's patience, transaction and time limit.

A refresh that is out must be stored whatever becomes of the request that wanted it. So it runs
on a thread with a database connection of its own, in autocommit. The end of the interpreter waits
for it, and so does a child of Celery's prefork pool, whose end waits for no thread by itself.
"""

import os
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar, cast

from celery.signals import worker_process_shutdown
from django.db import close_old_connections, connections

from buffer_connect.conf import conf
from buffer_connect.models import BufferLink
from buffer_connect.stopping import finishing_first

T = TypeVar("T")


class Worker:
    """A pool of threads on which equal jobs run once, for all who wait for them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start anew: a forked child has its parent's pool, but not its threads."""
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._jobs: dict[Hashable, Future[Any]] = {}

    def submit(self, key: Hashable, job: Callable[[], T]) -> Future[T]:
        """Run `job` on a thread, or join the one that runs under the same `key` already."""
        if inside_test_case():
            return done_in_place(job)
        with self._lock:
            if key in self._jobs:
                return cast("Future[T]", self._jobs[key])
            future = self._threads().submit(_on_own_connection, job)
            self._jobs[key] = future
        future.add_done_callback(lambda _: self._forget(key))
        return future

    def finish(self) -> None:
        """Wait until what is under way has ended and is stored."""
        with self._lock:
            under_way = list(self._jobs.values())
        wait(under_way)

    def _threads(self) -> ThreadPoolExecutor:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(conf.timing.in_flight, "buffer-connect")
        return self._executor

    def _forget(self, key: Hashable) -> None:
        with self._lock:
            self._jobs.pop(key, None)


def _on_own_connection(job: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return job()
    finally:
        close_old_connections()


def inside_test_case() -> bool:
    """Whether Django's TestCase holds its transaction open, which no other thread could see into.

    `atomic(durable=True)` tells it by the same mark.
    """
    blocks = connections[BufferLink.written_on()].atomic_blocks
    return bool(blocks) and bool(getattr(blocks[0], "_from_testcase", False))


def done_in_place(job: Callable[[], T]) -> Future[T]:
    """Run `job` here; return what came of it as a thread of the pool would."""
    future: Future[T] = Future()
    try:
        future.set_result(job())
    except Exception as error:  # noqa: BLE001 - handed to the caller, as a thread would
        future.set_exception(error)
    return future


worker = Worker()
os.register_at_fork(after_in_child=worker.reset)


@worker_process_shutdown.connect
def _finish_in_child(**kwargs: Any) -> None:
    with finishing_first(threading.Event()):
        worker.finish()
