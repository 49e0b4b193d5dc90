"""The reader: does what a document says, in an empty folder, and then tries the pages."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import requests

import buffer_connect
from example_project.demo.browser import Browser
from example_project.demo.processes import free_port
from tests.quickstart.steps import File, steps_of

SANDBOX, SITE = "8700", "8000"
PATIENCE = 60
# What the document's reader installs is installed here: it is what is under test.
INSTALL = "python -m pip install"
TEXT = "Hello from the quick start"


class Reader(ExitStack):
    """Follows one document below `folder`; `times` tells the seconds of each step."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.printed = ""
        self.times = []
        # Ports of its own: a demo may be running.
        self.ports = {SANDBOX: free_port(), SITE: free_port()}

    def follow(self, text):
        """Do all that `text` tells."""
        for step in steps_of(text):
            began = perf_counter()
            name = self._write(step) if isinstance(step, File) else self._run(step.line)
            self.times.append((name, perf_counter() - began))

    def share(self, text=TEXT):
        """Play the person in front of the browser; return the page in the end."""
        began = perf_counter()
        with Browser() as browser:
            browser.open(f"{self._address(SITE)}/share/")
            browser.press("Log in", username="me", password="sesame")
            browser.press("Continue to Buffer")
            browser.press("Allow")
            page = browser.press("Share", text=text)
        self.times.append(("the browser", perf_counter() - began))
        return page

    def posts(self):
        """Return what the sandbox has been given."""
        return requests.get(f"{self._address(SANDBOX)}/sandbox/posts", timeout=5).json()["posts"]

    def _write(self, step):
        path = self.folder / step.path
        path.parent.mkdir(exist_ok=True)
        before = path.read_text() if step.at_its_end else ""
        path.write_text(before + self._with_own_ports(step.text))
        return step.path

    def _run(self, line):
        if line.startswith("cd "):
            self.folder = self.folder / line.removeprefix("cd ")
        elif "buffer_sandbox" in line:
            self._serve(f"{line} --port {self.ports[SANDBOX]}", SANDBOX)
        elif "runserver" in line:
            self._serve(f"{line} {self.ports[SITE]}", SITE)
        elif not line.startswith(INSTALL):
            self._finish(line)
        return line

    def _finish(self, line):
        ran = subprocess.run(
            line, **self._shell(), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        self.printed += ran.stdout + ran.stderr
        assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"

    def _serve(self, line, port):
        log = self.folder / f"{port}.log"
        server = subprocess.Popen(
            line,
            **self._shell(),
            stdin=subprocess.DEVNULL,
            stdout=self.enter_context(log.open("w")),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.callback(stop, server)
        wait_for(self.ports[port], server, log)

    def _shell(self):
        # The programs beside this interpreter, and the package as it is imported here.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        package = str(Path(buffer_connect.__file__).parent.parent)
        left_out = ("DJANGO_SETTINGS_MODULE", "OAUTHLIB_INSECURE_TRANSPORT")
        inherited = {name: value for name, value in os.environ.items() if name not in left_out}
        environment = {**inherited, "PATH": path, "PYTHONPATH": package}
        return {"shell": True, "cwd": self.folder, "env": environment}

    def _with_own_ports(self, text):
        return text.replace(f":{SANDBOX}", f":{self.ports[SANDBOX]}")

    def _address(self, port):
        return f"http://127.0.0.1:{self.ports[port]}"


def wait_for(port, server, log):
    """Wait until somebody listens."""
    give_up_at = time.monotonic() + PATIENCE
    while not is_open(port):
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < give_up_at, log.read_text()
        time.sleep(0.05)


def is_open(port):
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def stop(server):
    """End the server with all that it has started."""
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
