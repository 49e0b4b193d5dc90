"""Ending in peace under an ASGI server."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asgiref.sync import sync_to_async

from buffer_connect.client import finish_refreshes

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]


def finishing_refreshes(application: Application) -> Application:
    """Return `application` with an answer to the server's `lifespan` events, as Django has none.

    A server that ends, or replaces a worker, waits for it: until the refreshes that requests began
    and did not wait for have been stored. uvicorn ends by the signal itself, which joins no thread.
    """

    async def finishing(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await application(scope, receive, send)

    return finishing


async def _live(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await sync_to_async(finish_refreshes, thread_sensitive=False)()
    await send({"type": "lifespan.shutdown.complete"})
