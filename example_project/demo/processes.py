"""Starting the demo's processes, watching them and stopping them."""

import os
import random
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

LAST_LINES = 15
PATIENCE = 10.0
# Below those that systems give to whoever asks for any: nobody gets one of them by chance.
PORTS = range(20_000, 32_000)


class ProcessFailed(Exception):
    """A process ended, or never answered; the text holds its last lines."""


class Process:
    """One child, in a process group of its own so that Ctrl-C reaches only the parent."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name, self.log = name, log
        self.command = list(command)
        self._child: subprocess.Popen[bytes] | None = None

    def __str__(self) -> str:
        return shlex.join(self.command)

    def start(self, environment: Mapping[str, str]) -> None:
        """Run the command; both of its outputs go into the log."""
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(  # noqa: S603 - the demo's own commands
                self.command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise `ProcessFailed` when the process has ended."""
        if self._child is not None and self._child.poll() is not None:
            raise ProcessFailed(f"{self._what_happened()}\n{self.last_lines()}")

    def ask_to_stop(self) -> None:
        """Send SIGTERM, which lets work in hand finish."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def stop(self, deadline: float) -> None:
        """Wait until the monotonic `deadline`, then end the whole group."""
        if self._child is None:
            return
        try:
            self._child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        # Also what a child that is gone may have left behind.
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._child.wait()

    def last_lines(self) -> str:
        """Return the end of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LAST_LINES:])

    def _what_happened(self) -> str:
        code = self._child.returncode if self._child else 0
        ending = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"The {self.name} {ending}. Its last lines, from {self.log}:"


def start(processes: Iterable[Process], environment: Mapping[str, str]) -> None:
    """Start all of them."""
    for process in processes:
        process.start(environment)


def stop(processes: Sequence[Process]) -> None:
    """Stop all of them, at the same time; none is left when this returns."""
    for process in processes:
        process.ask_to_stop()
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        process.stop(deadline)


def wait_for_port(process: Process, port: int, *, seconds: float = 90.0) -> None:
    """Return when something listens on `port` of this machine; raise `ProcessFailed` otherwise."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        process.check()
        if not is_free(port):
            return
        time.sleep(0.1)
    raise ProcessFailed(f"The {process.name} does not answer.\n{process.last_lines()}")


def wait_for_line(process: Process, text: str, *, seconds: float = 90.0) -> None:
    """Return when `text` stands in the log of `process`; raise `ProcessFailed` otherwise."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        process.check()
        if text in process.log.read_text(encoding="utf-8", errors="replace"):
            return
        time.sleep(0.1)
    raise ProcessFailed(f"The {process.name} is not ready.\n{process.last_lines()}")


def is_free(port: int) -> bool:
    """Return whether nothing listens on `port` of this machine."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_port(preferred: int | None = None) -> int:
    """Return `preferred` when nothing listens there, else a port that is free now."""
    if preferred is not None and is_free(preferred):
        return preferred
    return next(filter(is_free, random.sample(PORTS, len(PORTS))))
