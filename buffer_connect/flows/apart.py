"""The sweep where no signal interrupts it: an exception amid a step would lose an answer in hand."""

from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

from django.db import connections

from buffer_connect.flows.refresh.worker import inside_test_case
from buffer_connect.flows.sweep import sweep
from buffer_connect.stopping import POLL, Either, Stop


def sweep_apart(stop: Stop) -> int:
    """Sweep on a thread of its own; return how many links it claimed.

    What a signal raises here meanwhile, such as Ctrl-C or Celery's soft time limit, asks the sweep
    to stop, and goes on when what is out is stored.
    """
    if inside_test_case():
        return sweep(stop=stop)
    own = Event()
    with ThreadPoolExecutor(1, "buffer-connect-sweep") as executor:
        try:
            future = executor.submit(_sweep, Either(own, stop))
            # A signal that another thread took is heard between two looks.
            while not wait([future], timeout=POLL).done:
                pass
            return future.result()
        finally:
            own.set()


def _sweep(stop: Stop) -> int:
    try:
        return sweep(stop=stop)
    finally:
        connections.close_all()
