"""A site's Celery processes, real ones, on the test's database and one of the brokers."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from celery import Celery
from django.conf import settings

from tests.processes import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
SWEEP = "buffer_connect.tasks.refresh_due_links"
CALL = "tests.brokers.call"


class Site:
    """Starts workers and beats, and sends them tasks; `close` leaves nothing behind."""

    def __init__(self, broker_url, queue, database_url, folder):
        self.folder = folder
        self.processes = []
        ours = ("ISSUER", "API_URL")
        self._environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "tests.brokers.settings",
            "SITE_BROKER_URL": broker_url,
            "SITE_QUEUE": queue,
            "SITE_BUFFER_CONNECT": json.dumps({k: settings.BUFFER_CONNECT[k] for k in ours}),
        }
        self.queue = queue
        # Redis keeps all that no worker has confirmed under one name.
        self._options = {"global_keyprefix": queue} if broker_url.startswith("redis:") else {}
        self._app = Celery(broker=broker_url, set_as_current=False)
        self._app.conf.broker_transport_options = self._options

    def worker(self, *options, children=2, gives_back_after=None):
        """Start a prefork worker, with further options of Celery's, and wait until it takes tasks.

        Redis lets the workers find out what others have taken and never confirmed;
        `gives_back_after` is after how many seconds this one does. RabbitMQ needs none of that.
        """
        name = f"worker-{len(self.processes)}@{self.queue}"
        often = {"unacked_restore_interval": 1, "unacked_restore_throttle": 1}
        found = {"visibility_timeout": gives_back_after, **often} if gives_back_after else {}
        command = "worker", "-n", name, "-c", str(children), "-l", "INFO", *options
        process = self._start(*command, transport={**self._options, **found})
        wait_for(lambda: "ready." in self.log_of(process), "the worker takes tasks")
        return process

    def beat(self):
        """Start a beat of its own."""
        schedule = self.folder / f"beat-{len(self.processes)}"
        return self._start("beat", "-s", str(schedule), "-l", "INFO")

    def send_sweep(self, times=1):
        """Put the beat's task into the queue so many times; return the ids of the messages."""
        return [self._send(SWEEP) for _ in range(times)]

    def send_call(self, link):
        """Put a task into the queue that calls Buffer for `link`; return the id of the message."""
        return self._send(CALL, str(link.uid))

    def _send(self, task, *arguments):
        with self._app.connection_for_write() as connection:
            send = self._app.send_task
            return send(task, arguments, queue=self.queue, connection=connection).id

    def waiting(self):
        """Return how many messages no worker has taken."""
        with self._app.connection_for_write() as connection:
            return connection.default_channel.queue_declare(
                self.queue, durable=True, auto_delete=False
            ).message_count

    def purge(self):
        """Lose all messages."""
        with self._app.connection_for_write() as connection:
            connection.default_channel.queue_purge(self.queue)

    def wait_until_done(self, worker, messages):
        """Wait until `worker` has carried out all of `messages`."""
        for message in messages:
            told = f"{SWEEP}[{message}] succeeded"
            wait_for(lambda told=told: told in self.log_of(worker), f"{message} is done")

    def end_beats(self):
        """Let no beat send a message any more, and wait until those that came are done."""
        for process in self.processes:
            if "beat" in process.args:
                process.terminate()
                process.wait(60)
        workers = [process for process in self.processes if "worker" in process.args]
        wait_for(lambda: not self.waiting() and not any(map(self._is_busy, workers)), "all is done")

    def _is_busy(self, worker):
        log = self.log_of(worker)
        return log.count("] received") != log.count("] succeeded")

    def log_of(self, process):
        return Path(process.log).read_text()

    def close(self):
        for process in self.processes:
            # Its children too: a killed parent leaves them alone.
            kill_group(process)
            process.wait()
        with self._app.connection_for_write() as connection:
            connection.default_channel.queue_delete(self.queue)

    def _start(self, *arguments, transport=None):
        log = self.folder / f"{arguments[0]}-{len(self.processes)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "tests.brokers", *arguments],
                cwd=ROOT,
                env={
                    **self._environment,
                    "SITE_TRANSPORT_OPTIONS": json.dumps(transport or self._options),
                },
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.log = log
        self.processes.append(process)
        return process


def kill_group(process):
    """End a worker and its children as `kill -9` does."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
