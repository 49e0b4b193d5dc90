"""Awaiting from a test: plain asyncio, without Django's handlers."""

import asyncio
import time
from concurrent.futures import wait

from asgiref.sync import sync_to_async
from django.db import connections

from buffer_connect.flows.refresh.worker import worker
from tests.processes import PATIENCE


def awaited(coroutine):
    """Return what `coroutine` does in an event loop of its own; close what its ORM has opened."""

    async def main():
        try:
            return await coroutine
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(main())


async def until(condition):
    """Let the event loop go on until `condition()` is true."""
    over = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < over, f"not within {PATIENCE:.0f} seconds"
        await asyncio.sleep(0.01)


async def cancelled(task):
    """Cancel a task and wait until it has ended by that."""
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


def wait_for_engine():
    """Wait until the engine has nothing to do."""
    wait([*worker._jobs.values()])
