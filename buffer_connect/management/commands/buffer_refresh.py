"""Refresh what is due: for cron, or as a process of its own where there is no Celery."""

import logging
import signal
from argparse import ArgumentParser
from threading import TIMEOUT_MAX
from time import monotonic
from typing import Any

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, connections

from buffer_connect import flows
from buffer_connect.exceptions import printable
from buffer_connect.management.failures import CommandWithoutTraceback
from buffer_connect.stopping import SharedFlag, Stop, finishing_first

logger = logging.getLogger(__name__)


class Command(CommandWithoutTraceback):
    help = (
        "Refreshes the Buffer links that are due, once, and cleans up. Run it from cron every "
        "minute, or with --loop as a service. It does what the Celery tasks do; running both "
        "harms nothing."
    )
    failure = "The sweep failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--loop",
            action="store_true",
            help="go on until SIGTERM or Ctrl-C, which let the "
            "requests that are out finish and be stored",
        )
        parser.add_argument(
            "--every",
            type=float,
            default=60.0,
            metavar="SECONDS",
            help="with --loop: seconds from one start to the next (default: 60)",
        )

    def handle(self, *, loop: bool, every: float, **options: Any) -> None:
        if not 0 < every <= TIMEOUT_MAX:
            raise CommandError("--every takes a positive number of seconds.")
        # A signal may interrupt its `wait`, whose lock `set` of an Event would wait for.
        stop = SharedFlag()
        if not loop:
            with finishing_first(stop):
                self._sweep(stop)
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            started = monotonic()
            self._sweep_if_possible(stop)
            stop.wait(max(0.0, every - (monotonic() - started)))

    def _sweep_if_possible(self, stop: Stop) -> None:
        """Sweep; a database that is away for a while must not end the service."""
        # The sweep has one of its own, and takes as long as Buffer does.
        connections.close_all()
        try:
            self._sweep(stop)
        except (OperationalError, InterfaceError) as error:
            told = "sweep=failed error=%s (%s) the next sweep tries again"
            logger.error(told, type(error).__name__, printable(str(error)))

    def _sweep(self, stop: Stop) -> None:
        claimed = flows.sweep_apart(stop)
        flows.clean_up(stop=stop)
        self.stdout.write(f"Links that this sweep took on: {claimed}")
