"""Refresh what is due: for cron, or as a process of its own where there is no Celery."""

import signal
from argparse import ArgumentParser
from threading import Event
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from buffer_connect import flows


class Command(BaseCommand):
    help = (
        "Refreshes the Buffer links that are due, once, and cleans up. Run it from cron every "
        "minute, or with --loop as a service. It does what the Celery tasks do; running both "
        "harms nothing."
    )

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
            help="with --loop: time from one start to the next (default: 60)",
        )

    def handle(self, *, loop: bool, every: float, **options: Any) -> None:
        if every <= 0:
            raise CommandError("--every takes a positive number of seconds.")
        if not loop:
            self._sweep(Event())
            return
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            started = monotonic()
            self._sweep(stop)
            stop.wait(max(0.0, every - (monotonic() - started)))

    def _sweep(self, stop: Event) -> None:
        claimed = flows.sweep(stop=stop)
        flows.clean_up()
        self.stdout.write(f"Links that were due: {claimed}")
