"""The sandbox as the conductor sees it: a process, and the JSON that it takes and gives."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Buffer:
    """The controls of a running sandbox, which is `process`."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self._process = process

    def issue(self, account: str) -> dict[str, Any]:
        """Make a grant with its first tokens, as if the person had agreed."""
        return self._post("issue", account=account)

    def revoke(self, grant: str) -> bool:
        """Remove a grant as its owner would; return whether it was alive."""
        return bool(self._post("revoke", grant=grant)["revoked"])

    def fail(self, kind: str, **options: Any) -> None:
        """Let coming requests meet a fault; see `buffer_connect.sandbox.faults`."""
        self._post("faults", kind=kind, **options)

    def refuse(self, seconds: float) -> None:
        """Let connections be refused for so many seconds, and wait until that is over."""
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        self._process.stdout.readline()

    def be_well(self) -> None:
        """Forget all faults that wait."""
        self._post("faults", clear=True)

    def troubles(self, on: str) -> int:
        """Return how many faults wait for requests to an endpoint."""
        return sum(f" on {on}, " in line for line in self._get("faults")["faults"])

    def grants(self) -> list[dict[str, Any]]:
        """Return all grants with their refresh tokens, by digest."""
        return self._get("state")["grants"]

    def requests(self, endpoint: str) -> list[dict[str, Any]]:
        """Return all requests that came to an endpoint, oldest first."""
        return self._get(f"requests?endpoint={endpoint}")["requests"]

    def _get(self, what: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/sandbox/{what}", timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    def _post(self, what: str, **fields: Any) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the sandbox of this run
            f"{self.url}/sandbox/{what}",
            data=json.dumps(fields).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)


@contextmanager
def serving(token_life: float) -> Iterator[Buffer]:
    """Run a sandbox whose access tokens live for `token_life` seconds."""
    command = [sys.executable, "-m", "benchmarks.reliability.sandbox", str(token_life)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Buffer(process.stdout.readline().strip(), process)
        finally:
            process.stdin.close()
