"""What the demo is made of: sandbox, site, and a Celery worker with beat."""

import fcntl
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from example_project.demo.processes import (
    Process,
    ProcessFailed,
    free_port,
    start,
    stop,
    wait_for_line,
    wait_for_port,
)
from example_project.folder import private_folder

SITE_PORT, SANDBOX_PORT = 8000, 8700
# Long enough for the "two workers" button to be no matter of luck.
SANDBOX_LATENCY = "0.3"

Say = Callable[[str], object]


class Demo:
    """The processes of one demo, with their logs and everything else in one folder.

    `with_sandbox` is False when Buffer itself is called; `access_life` are seconds.
    """

    def __init__(
        self, folder: Path, *, with_sandbox: bool, site_port: int, access_life: int, say: Say
    ) -> None:
        self.folder, self._say = private_folder(folder), say
        self.sandbox_port = free_port(SANDBOX_PORT) if with_sandbox else None
        self.site_port = site_port
        self.environment = {"DEMO_FOLDER": str(folder), "PYTHONUNBUFFERED": "1"}
        self.sandbox: Process | None = None
        if self.sandbox_port is not None:
            self.environment |= {
                "SANDBOX_URL": self.sandbox_url,
                "SANDBOX_ACCESS_LIFE": str(access_life),
            }
            self.sandbox = self._managed(
                "sandbox", "buffer_sandbox", f"--port={self.sandbox_port}",
                f"--access-life={access_life}", f"--latency={SANDBOX_LATENCY}", "--no-quotas",
            )  # fmt: skip
        self.site = self._managed(
            "site", "runserver", "--noreload", "--insecure", f"127.0.0.1:{site_port}"
        )
        self.worker = self._process(
            "worker", "-m", "celery", "-A", "example_project", "worker", "--beat",
            "--concurrency=2", "--loglevel=INFO", "--without-mingle", "--without-gossip",
            f"--schedule={folder / 'beat'}",
        )  # fmt: skip

    @property
    def processes(self) -> list[Process]:
        """The children, in the order in which they start."""
        return [process for process in (self.sandbox, self.site, self.worker) if process]

    @property
    def site_url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.site_port}"

    @property
    def sandbox_url(self) -> str:
        """Where the local Buffer is."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start everything, wait until it answers, and leave nothing running behind."""
        with self._alone():
            try:
                self._start()
                yield
            finally:
                stop(self.processes)

    def check(self) -> None:
        """Raise `ProcessFailed` when a child has ended."""
        for process in self.processes:
            process.check()

    def _start(self) -> None:
        self._prepare()
        for process in self.processes:
            self._say(f"  {process}")
        start(self.processes, self.environment)
        if self.sandbox and self.sandbox_port:
            wait_for_port(self.sandbox, self.sandbox_port)
        wait_for_port(self.site, self.site_port)
        wait_for_line(self.worker, " ready.")

    def _prepare(self) -> None:
        """Migrate and make the demo's user, in the children's environment."""
        command = [sys.executable, "manage.py", "prepare_demo"]
        self._say(f"  {shlex.join(command)}")
        done = subprocess.run(  # noqa: S603 - the demo's own command
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ProcessFailed(f"prepare_demo failed.\n{done.stdout}{done.stderr}".rstrip())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder: two demos in one would take each other's messages."""
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ProcessFailed(f"A demo is running already in {self.folder}.") from None
            yield

    def _managed(self, name: str, *arguments: str) -> Process:
        return self._process(name, "manage.py", *arguments)

    def _process(self, name: str, *arguments: str) -> Process:
        return Process(name, [sys.executable, *arguments], self.folder / f"{name}.log")
