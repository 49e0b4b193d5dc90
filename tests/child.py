"""What runs in the processes that `tests.processes` starts. Django must be set up before."""

import contextlib
import itertools
import pickle
import re
import select
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.backends.signals import connection_created
from django.test import Client

from buffer_connect import flows, tasks
from buffer_connect.asgi import finishing_refreshes
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import TokenUnavailable
from buffer_connect.flows.check import check_again
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.flows.refresh import held_back
from buffer_connect.models import BufferLink, statements
from tests import keys


def sweep():
    """Refresh what is due; return how many links were claimed."""
    return flows.sweep()


def task():
    """Do beat's task as Celery's children do: SIGTERM ends what runs by an exception."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    tasks.refresh_due_links()


def sweep_or_fault():
    """Refresh what is due; return the class of the fault that ended it, or None."""
    try:
        flows.sweep()
    except DatabaseError as error:
        return type(error).__name__
    return None


def call(pks):
    """Ask for the access token of each link; return (token, fault) for each, one of them None."""
    return [_token_or_fault(pk) for pk in pks]


def _token_or_fault(pk):
    try:
        return BufferClient(BufferLink(pk=pk)).get_access_token(), None
    except Exception as error:  # noqa: BLE001 - whatever a caller can meet is told to the test
        return None, f"{type(error).__name__}: {error}"


def call_until_told(pk):
    """Ask for one access token as a server's worker does, which ends when it is told to."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    BufferClient(BufferLink(pk=pk)).get_access_token()


def serve(pk, port):
    """Be a site under uvicorn: each request asks for one access token, and waits no longer than that."""
    import uvicorn  # noqa: PLC0415 - no other job needs it

    async def application(scope, receive, send):
        with contextlib.suppress(TokenUnavailable):
            await BufferClient(await BufferLink.objects.aget(pk=pk)).aget_access_token()
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    uvicorn.run(finishing_refreshes(application), port=port, log_level="error", lifespan="on")


def ask(pk, times):
    """Ask Buffer so many times at once, as different threads do; return the answers."""
    with ThreadPoolExecutor(times) as threads:
        return [*threads.map(_answer, [pk] * times)]


def _answer(pk):
    try:
        return BufferClient(BufferLink(pk=pk)).execute("query { account { id } }")
    finally:
        connection.close()


def come_back(cookies, address):
    """Follow the redirect from Buffer with these cookies; return the status and the address."""
    client = Client()
    client.cookies.load(cookies)
    response = client.get(address)
    return response.status_code, response.get("Location")


def loop():
    """Run `buffer_refresh --loop` until it is told to stop, and end as the command does."""
    call_command("buffer_refresh", "--loop", "--every", "0.1", stdout=StringIO())
    sys.exit(0)


def loop_interrupted():
    """The same; told so within the pause between two sweeps."""
    sys.setprofile(_interrupt)
    loop()


def _interrupt(frame, event, argument):
    # `wait` of an Event holds its lock when it calls that of its condition.
    callers = [each.f_code.co_name for each, _ in itertools.islice(traceback.walk_stack(frame), 3)]
    if event == "call" and callers in (["wait", "wait", "handle"], ["_wait_for", "wait", "handle"]):
        sys.setprofile(None)
        signal.raise_signal(signal.SIGTERM)


def cron():
    """Run `buffer_refresh` once; a SIGTERM ends the process when the command is through."""
    call_command("buffer_refresh", stdout=StringIO())


def end(pks):
    """Disconnect each link; return what each gave."""
    return [disconnect(BufferLink.objects.get(pk=pk)) for pk in pks]


def check(pk):
    """Try a link again that ended because the API refused it."""
    check_again(BufferLink.objects.get(pk=pk))


def toil(pks):
    """Refresh every link, again and again, until it was enough; return how many were claimed."""
    claimed = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        statements.schedule_all(ids=pks)
        claimed += flows.sweep()
    return claimed


def rotate_until_found(times):
    """Run `buffer_rotate_keys` until so many runs have re-sealed a link."""
    while times > 0:
        _, told = keys.rotate()
        times -= bool(re.search(r"re-sealed +links [1-9]", told))


JOBS = {
    "sweep": sweep,
    "sweep or fault": sweep_or_fault,
    "task": task,
    "call": call,
    "call until told": call_until_told,
    "serve": serve,
    "come back": come_back,
    "loop": loop,
    "loop interrupted": loop_interrupted,
    "cron": cron,
    "ask": ask,
    "end": end,
    "check": check,
    "resume": held_back.resume,
    "retry": held_back.retry,
    "toil": toil,
    "rotate": keys.rotate,
    "rotate until found": rotate_until_found,
}


# SQLite and PostgreSQL put names into the one, MariaDB into the other.
UNQUOTED = str.maketrans("", "", '"`')


class SignalAt:
    """Sends this process a signal just before or after a statement reaches the database, once."""

    def __init__(self, statement, moment, number):
        self.statement, self.moment, self.number = statement, moment, number
        self.is_due = True

    def watch(self, connection, **kwargs):
        """Watch a connection, of whichever thread."""
        if self not in connection.execute_wrappers:
            connection.execute_wrappers.append(self)

    def __call__(self, execute, sql, params, many, context):
        # raise_signal(), for kill() may let this thread run on while another one takes the signal.
        meant = self.is_due and self.statement in sql.translate(UNQUOTED)
        if meant and self.moment == "before":
            self._give()
        result = execute(sql, params, many, context)
        if meant and self.moment == "after":
            self._give()
        return result

    def _give(self):
        self.is_due = False
        signal.raise_signal(self.number)


def main():
    """Wait for the start, do the job and hand over its result, all on the standard streams."""
    # Ignored in what a shell runs in the background, and so in all that this starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    order = pickle.load(sys.stdin.buffer)
    settings.BUFFER_CONNECT = order["BUFFER_CONNECT"]
    if order["signal_at"]:
        connection_created.connect(SignalAt(*order["signal_at"]).watch, weak=False)
    connection.ensure_connection()
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.buffer.flush()
    sys.stdin.buffer.readline()
    pickle.dump(JOBS[order["job"]](*order["arguments"]), sys.stdout.buffer)
