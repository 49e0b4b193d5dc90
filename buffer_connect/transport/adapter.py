"""The adapter that puts the wire under requests."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter

if TYPE_CHECKING:
    from buffer_connect.transport.reply import Reply
    from buffer_connect.transport.wire import Wire


class ReadResponse(requests.Response):
    """An answer whose body has been read, and whether all of it came."""

    def __init__(self, request: requests.PreparedRequest, reply: Reply) -> None:
        super().__init__()
        self.request = request
        self.url = request.url or ""
        self.status_code = reply.status
        self.headers.update(reply.headers)
        # Without one requests guesses, at a cost that grows with the body.
        self.encoding = "utf-8"
        self.raw = io.BytesIO(reply.body)
        self.complete = reply.complete


class Adapter(BaseAdapter):
    """Sends what a session has prepared; takes an `Attempt` as the session's `timeout`.

    Certificates are always verified and proxies never used, whatever the session says.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: object = True,
        cert: object = None,
        proxies: object = None,
    ) -> ReadResponse:
        """Send the request once; raise `NoAnswer` when there is no answer."""
        body = request.body or b""
        reply = self.wire.post(
            request.url or "",
            headers=request.headers,
            body=body if isinstance(body, bytes) else body.encode(),
            attempt=timeout,
        )
        return ReadResponse(request, reply)

    def close(self) -> None:
        """Close the kept connections."""
        self.wire.close()
