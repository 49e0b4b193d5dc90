"""The sandbox as a process of its own: `python -m benchmarks.reliability.sandbox LIFE`.

`LIFE` is that of access tokens, in seconds. It prints its address and serves until its standard
input is closed.
"""

import sys

from buffer_connect.sandbox import Sandbox

EVERY_REQUEST = 10_000_000


def main() -> None:
    """Serve on a free port of the loopback until standard input ends."""
    life = int(float(sys.argv[1]))
    with Sandbox(access_life=life, keep_requests=EVERY_REQUEST) as buffer:
        print(buffer.url, flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    main()
