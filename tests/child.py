"""What runs in the processes that `tests.processes` starts. Django must be set up before."""

import pickle
import signal
import sys

from django.conf import settings
from django.db import connection
from django.db.backends.signals import connection_created

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.models import BufferLink


def sweep():
    """Refresh what is due; return how many links were claimed."""
    return flows.sweep()


def call(pks):
    """Ask for the access token of each link; return (token, fault) for each, one of them None."""
    return [_token_or_fault(pk) for pk in pks]


def _token_or_fault(pk):
    try:
        return BufferClient(BufferLink.objects.get(pk=pk)).get_access_token(), None
    except Exception as error:  # noqa: BLE001 - whatever a caller can meet is told to the test
        return None, f"{type(error).__name__}: {error}"


def end(pks):
    """Disconnect each link; return what each gave."""
    return [disconnect(BufferLink.objects.get(pk=pk)) for pk in pks]


JOBS = {"sweep": sweep, "call": call, "end": end}


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
        self.is_due = self.is_due and not meant
        if meant and self.moment == "before":
            signal.raise_signal(self.number)
        result = execute(sql, params, many, context)
        if meant and self.moment == "after":
            signal.raise_signal(self.number)
        return result


def main():
    """Wait for the start, do the job and hand over its result, all on the standard streams."""
    order = pickle.load(sys.stdin.buffer)
    settings.BUFFER_CONNECT = order["BUFFER_CONNECT"]
    if order["signal_at"]:
        connection_created.connect(SignalAt(*order["signal_at"]).watch, weak=False)
    connection.ensure_connection()
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.buffer.flush()
    sys.stdin.buffer.readline()
    pickle.dump(JOBS[order["job"]](*order["arguments"]), sys.stdout.buffer)
