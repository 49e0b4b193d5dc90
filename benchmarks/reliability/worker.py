"""What each process of the site does; it does what its order says.

`kind` is `sweep` (it refreshes what is due) or `call` (it uses links); `agent` its name; `folder`
where its journal goes; `issuer` the sandbox; `meet` where it is to kill or stop itself; `weaken`
what it leaves out of the protocol; `keys` the keys, the first of which seals; `introspection` whether it asks the server about tokens in doubt.
"""

import os
import random
import signal
import sys
import threading
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import InterfaceError, OperationalError, close_old_connections

from benchmarks import site  # noqa: F401 - sets Django up before the models are imported
from benchmarks.reliability import timing
from benchmarks.reliability.journal import Journal
from benchmarks.reliability.settings import hasten, point_to
from benchmarks.reliability.steps import Watch
from benchmarks.reliability.weaken import WEAKENED
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import (
    BufferAPIError,
    BufferUnavailable,
    LinkRevoked,
    RateLimited,
    TokenUnavailable,
)
from buffer_connect.models import BufferLink
from buffer_connect.transport import token_endpoint

# What a caller has to reckon with; its own reads may lose the database, too.
EXPECTED = (
    TokenUnavailable,
    LinkRevoked,
    BufferUnavailable,
    BufferAPIError,
    RateLimited,
    OperationalError,
    InterfaceError,
)
ACCOUNT = "{ account { id } }"
LONGEST_PAUSE = 0.1


def work(order: dict[str, Any]) -> None:
    """Do what the order says until SIGTERM, or until the conductor has gone."""
    # Nothing is at stake before the job begins.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    notes = Path(order["folder"]) / order["agent"]
    os.dup2(os.open(f"{notes}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.stderr.fileno())
    journal = Journal(Path(f"{notes}.journal"))
    _prepare(order)
    Watch(journal, **order["meet"]).begin()
    threading.Thread(target=_end_with_the_conductor, daemon=True).start()
    if order["kind"] == "sweep":
        with Path(os.devnull).open("w") as nowhere:
            call_command("buffer_refresh", loop=True, every=timing.BEAT, stdout=nowhere)
    else:
        _call(journal)


def _prepare(order: dict[str, Any]) -> None:
    point_to(order["issuer"], keys=order["keys"], introspection=order["introspection"])
    # So the sandbox notes who asks.
    token_endpoint.FORM_HEADERS["User-Agent"] = order["agent"]
    hasten()
    if order["weaken"]:
        WEAKENED[order["weaken"]]()


def _end_with_the_conductor() -> None:
    conductor = parent_process()
    if conductor is not None:
        wait([conductor.sentinel])
    os._exit(1)


def _call(journal: Journal) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    while not stop.wait(random.uniform(0, LONGEST_PAUSE)):  # noqa: S311
        close_old_connections()
        try:
            _use_a_link()
            error = ""
        except EXPECTED as problem:
            error = type(problem).__name__
        except Exception as problem:  # noqa: BLE001 - told by the report
            error = f"unexpected {type(problem).__name__}: {problem}"
        journal.note("call", error=error)


def _use_a_link() -> None:
    link = BufferLink.objects.order_by("?").first()
    if link is None:
        return
    client = BufferClient(link)
    if random.random() < 0.5:  # noqa: S311
        client.get_access_token()
    else:
        client.execute(ACCOUNT)
