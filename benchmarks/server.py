"""A token endpoint that only rotates: quick, so that it is not what is measured.

Run as a process of its own: `python -m benchmarks.server LATENCY`, with the latency in seconds.
It prints its port and serves until its standard input is closed.
"""

import asyncio
import json
import secrets
import sys


class TokenEndpoint(asyncio.Protocol):
    """One kept connection; requests come one after the other."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.pending += data
        head, found, body = self.pending.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self.pending = b""
            asyncio.get_running_loop().call_later(self.latency, self.answer)

    def answer(self) -> None:
        """Send a new token set."""
        if not self.transport.is_closing():
            self.transport.write(_answer())


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _answer() -> bytes:
    body = json.dumps(
        {
            "access_token": secrets.token_urlsafe(512),
            "refresh_token": secrets.token_urlsafe(32),
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": "account:read posts:read offline_access",
        }
    ).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def serve(latency: float) -> None:
    """Serve on a free port of the loopback until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: TokenEndpoint(latency), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
