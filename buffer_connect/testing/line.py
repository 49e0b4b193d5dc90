"""The way to the fake Buffer: a call in this process where a connection would be opened."""

from collections.abc import Mapping
from email.message import Message
from urllib.parse import urlsplit

from django.utils.datastructures import CaseInsensitiveMapping

from buffer_connect.sandbox import Request, Response, Sandbox
from buffer_connect.transport.attempt import Attempt
from buffer_connect.transport.reply import Reply
from buffer_connect.transport.wire import NoAnswer


class Line:
    """Carries the requests of the transport to a sandbox that has no socket."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.is_down = False

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes, attempt: Attempt) -> Reply:
        """Send one request and return its answer; raises `NoAnswer`."""
        if self.is_down:
            raise NoAnswer("ConnectionRefusedError")
        request = _request(url, headers, body)
        try:
            with attempt.writing():
                response = self.sandbox.handle(request)
        except TimeoutError:
            raise NoAnswer("TimeoutError") from None
        if response is None or response.reset:
            raise NoAnswer("RemoteDisconnected")
        return _reply(response)


def _request(url: str, headers: Mapping[str, str], body: bytes) -> Request:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    parts = urlsplit(url)
    # The API is a host of its own, without a path.
    path = parts.path or "/api"
    return Request(method="POST", path=path, query=parts.query, headers=message, body=body)


def _reply(response: Response) -> Reply:
    return Reply(
        status=response.status,
        headers=CaseInsensitiveMapping(response.headers),
        body=response.written,
        complete=response.written == response.body,
    )
