"""Run the demo, or play its story without a person."""

import signal
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from threading import Event
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from example_project import sandbox_control
from example_project.demo.browser import UnexpectedPage
from example_project.demo.parts import SITE_PORT, Demo
from example_project.demo.processes import ProcessFailed, free_port
from example_project.demo.story import Story
from example_project.folder import demo_folder
from example_project.management.commands.prepare_demo import password
from example_project.views import USERNAME

# Lives of access tokens in seconds. The check waits for half of one, and plays in the other half.
DEMO_LIFE, CHECK_LIFE = 60, 40
HELP = """\
Runs the example site with all its parts: a local Buffer (sandbox), the site, and a Celery worker
with beat. Prints the address and the login, and stops everything on Ctrl-C.

With --check the same parts run on free ports and in a temporary folder, and a story is played over
HTTP: connect, refresh by beat, API call, two workers at once, revoke at Buffer, 401, revoked,
reconnect. One line a step; exits 0 when all of them hold, else 1.

From the environment:
  DATABASE_URL           sqlite:///FILE, postgresql://USER@HOST:PORT/NAME or mysql://…; the user
                         "demo" in it is made anew (default: an SQLite file in the demo's folder)
  CELERY_BROKER_URL      redis://…, amqp://… (default: filesystem://, in the demo's folder)
  BUFFER_CLIENT_ID       an app of your own at Buffer, with BUFFER_CLIENT_SECRET and, when it
                         differs from the site's, BUFFER_REDIRECT_URI; then no sandbox is started
  BUFFER_CONNECT_KEYS    kid:base64[,…], see buffer_generate_key (default: one made at first start)
  DJANGO_DEBUG           0 turns DEBUG off; the sandbox asks for DEBUG
  DEMO_FOLDER            database, messages, logs and keys of the demo (default: .demo)
"""


class Command(BaseCommand):
    help = HELP
    # Database and sandbox come with the processes that this starts.
    requires_system_checks = ()

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        """Keep the lines of the help as they are."""
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="play the story without a person, then stop"
        )
        parser.add_argument(
            "--port",
            type=int,
            default=SITE_PORT,
            help="the site's port (default: %(default)s, or a free one)",
        )

    def handle(self, *, check: bool, port: int, **options: Any) -> None:
        if sandbox_control.is_used() and not settings.DEBUG:
            raise CommandError("The sandbox asks for DEBUG: unset DJANGO_DEBUG, or set it to 1.")
        if check and not sandbox_control.is_used():
            raise CommandError("The check plays with the sandbox: unset BUFFER_CLIENT_ID.")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self._check() if check else self._run(port)
        except ProcessFailed as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def _run(self, port: int) -> None:
        demo = Demo(
            demo_folder(),
            with_sandbox=sandbox_control.is_used(),
            site_port=free_port(port),
            access_life=DEMO_LIFE,
            say=self._say,
        )
        self._say("Starting, in the environment of this shell and")
        for name, value in demo.environment.items():
            self._say(f"  {name}={value}")
        with demo.running():
            self._tell_address(demo)
            while not Event().wait(0.5):
                demo.check()

    def _tell_address(self, demo: Demo) -> None:
        say = self._say
        say(f"\nThe site:    {demo.site_url}/")
        say(f"Its admin:   {demo.site_url}/admin/")
        say(f"Sign in as:  {USERNAME} / {password(demo.folder)}")
        if demo.sandbox:
            say(f"The sandbox: {demo.sandbox_url}/")
        say(f"Logs:        {demo.folder}/*.log")
        say("Quit with Ctrl-C.")

    def _check(self) -> None:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="buffer-connect-demo-") as folder:
            demo = Demo(
                Path(folder),
                with_sandbox=True,
                site_port=free_port(),
                access_life=CHECK_LIFE,
                say=self._whisper,
            )
            with demo.running():
                self._tell("sandbox, site, worker and beat are up", time.monotonic() - started)
                self._play(demo)
        self._tell("in all", time.monotonic() - started)

    def _play(self, demo: Demo) -> None:
        story = Story(demo.site_url, demo.sandbox_url, demo.site.log)
        try:
            for text, seconds in story.play():
                self._tell(text, seconds)
                demo.check()
        except (UnexpectedPage, requests.RequestException) as error:
            logs = "\n".join(f"{each.log.name}:\n{each.last_lines()}" for each in demo.processes)
            raise CommandError(f"{error}\n{logs}") from error

    def _tell(self, text: str, seconds: float) -> None:
        self._say(f"{seconds:5.1f} s  {text}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _whisper(self, text: str) -> None:
        """The temporary folder's commands are of no use to a reader."""
