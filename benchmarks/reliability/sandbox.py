"""The sandbox as a process of its own: `python -m benchmarks.reliability.sandbox LIFE`.

`LIFE` is that of access tokens, in seconds. It prints its address and serves until its standard
input is closed. Each line there is for how many seconds it is to refuse connections; then it prints
one, too.
"""

import sys
import time

from buffer_connect.sandbox import Sandbox

EVERY_REQUEST = 10_000_000


def main() -> None:
    """Serve on a free port of the loopback until standard input ends."""
    life = int(float(sys.argv[1]))
    with Sandbox(access_life=life, keep_requests=EVERY_REQUEST) as buffer:
        print(buffer.url, flush=True)  # noqa: T201
        for line in sys.stdin:
            refuse(buffer, float(line))
            print(flush=True)  # noqa: T201


def refuse(buffer: Sandbox, seconds: float) -> None:
    """Close the port for a while; requests in work, and connections that are kept, go on."""
    server, buffer._server = buffer._server, None  # noqa: SLF001
    if server is not None:
        server.shutdown()
        server.server_close()
    time.sleep(seconds)
    buffer.start()


if __name__ == "__main__":
    main()
