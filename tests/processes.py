"""Other processes of the site: real ones, started together, stopped and killed."""

import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
ENTRY = "import django; django.setup(); from tests.child import main; main()"
# Seconds, of what takes a moment on a machine that is not busy.
PATIENCE = 60.0


def wait_for(condition, what):
    """Wait until `condition()` holds; `what` says what was waited for in vain."""
    over = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < over, f"{what}: not within {PATIENCE:.0f} seconds"
        time.sleep(0.01)


class Process:
    """A process of the site on the test's database, with the test's settings of the package.

    `job` is one of `tests.child`; it waits for `go`. `signal_at` is a statement (a piece of its text),
    a moment (before, after) and the signal that the process then sends itself, once.
    """

    def __init__(self, database_url, job, *arguments, signal_at=None):
        self._job = job
        self._process = subprocess.Popen(
            [sys.executable, "-c", ENTRY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url},
        )
        order = {
            "job": job,
            "arguments": arguments,
            "signal_at": signal_at,
            "BUFFER_CONNECT": settings.BUFFER_CONNECT,
        }
        pickle.dump(order, self._process.stdin)
        self._process.stdin.flush()

    def ready(self):
        """Wait until it is ready to start at once."""
        self._wait_for_output("is ready")
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def go(self):
        """Let the job begin."""
        self._process.stdin.write(b"go\n")
        self._process.stdin.flush()
        return self

    def enough(self):
        """Let a job that goes on until it was enough end."""
        self._process.stdin.close()
        return self

    def result(self):
        """Wait for the end of the job and return its result."""
        self._wait_for_output("gives its result")
        result = pickle.load(self._process.stdout)
        self.wait_until_ended()
        return result

    def wait_until_ended(self, code=0):
        """Wait for an end without a result, with this exit code."""
        self._wait_for(lambda: not self.is_running, "ends")
        assert self._process.returncode == code

    @property
    def is_running(self):
        return self._process.poll() is None

    def terminate(self):
        """Ask it to end."""
        self._process.terminate()

    def kill(self):
        """End it as `kill -9` does."""
        self._process.kill()
        self.wait_until_killed()

    def wait_until_killed(self):
        self.wait_until_ended(-signal.SIGKILL)

    def stop(self):
        """Let it stand still, as in a machine that is suspended."""
        self._process.send_signal(signal.SIGSTOP)
        self.wait_until_stopped()

    def wait_until_stopped(self):
        self._wait_for(lambda: self._has_stopped, "stands still")

    @property
    def _has_stopped(self):
        assert self.is_running, f"the job {self._job!r} ended before it stood still"
        # It is looked at, and not waited for: it goes on later.
        return os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT | os.WNOHANG)

    def go_on(self):
        """End the standstill."""
        self._process.send_signal(signal.SIGCONT)

    def _wait_for_output(self, what):
        output = [self._process.stdout]
        self._wait_for(lambda: select.select(output, [], [], 0)[0], what)

    def _wait_for(self, condition, what):
        wait_for(condition, f"the job {self._job!r} {what}")

    def clean_up(self):
        """Leave nothing behind."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()


@contextlib.contextmanager
def starting(database_url):
    """Give a function that starts a process of the site, and leave none of them behind."""
    processes = []

    def start(job, *arguments, options="", **rest):
        processes.append(Process(database_url + options, job, *arguments, **rest))
        return processes[-1]

    try:
        yield start
    finally:
        for process in processes:
            process.clean_up()


def begin(processes):
    """Let the jobs of `processes` begin at the same moment."""
    for process in processes:
        process.ready()
    for process in processes:
        process.go()


def together(processes):
    """Let the jobs of `processes` begin at the same moment; return their results."""
    begin(processes)
    return [process.result() for process in processes]
