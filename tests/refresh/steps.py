"""The steps of a refresh, as the database and the server see them."""

import signal
from datetime import timedelta

from django.db import connection
from django.db.models import F

from buffer_connect import flows
from buffer_connect.models import BufferLink, LinkEvent
from tests.links import held, tokens_of
from tests.processes import wait_for

# What tells a statement of the protocol from the others, without the quotes of its names.
SCHEDULE = "SET refresh_due_at ="
CLAIM = "SET lease_owner ="
INTENT = "sent_count = CASE"
STORE = "generation = generation + 1"
POSTPONE = "sent_ended_at = CASE WHEN sent_count = 1"
DOUBT = "failures = failures + 1, last_error"
BLOCK = "last_error = %(error)s"
RELEASE = "WHERE id = %(pk)s AND lease_owner"
UNSEND = "SET sent_generation = NULL"
REFUSE = "SET status = 'revoked'"
HOLD_BACK = "SET refused_generation ="
ANNOUNCED = "SET announced_at ="
RESEAL = "SET refresh_token ="
CALLERS_CLAIM = "sent_count = 1, sent_at"
EVENT = "INSERT INTO buffer_connect_linkevent"
REJECT = "SET rejected_generation ="
RESTORE = "SET status = 'active'"
RETRY_HELD_BACK = "SET refused_generation = NULL"
OPEN_BREAKER = "UPDATE buffer_connect_servicestate SET key = %s, opened_at"
TAKE_OFF_BRAKE = "SET opened_at ="
STORE_REFRESH_TOKEN = "expires_at = CASE WHEN rejected_generation"
LOOK_FOR_SIBLINGS = "bufferlink.account_key ="

# Of the settings that nobody has changed: the lease; the access token's life and the quarantine;
# that life and the wait for a server that may know the token, beside a sibling.
LEASE = {"seconds": 181}
TOKEN_AND_QUARANTINE = {"minutes": 71}
TOKEN_AND_SILENCE = {"minutes": 181}


def requests_to(sandbox):
    """Return how many requests have come to the token endpoint."""
    return len(sandbox.requests_to("token"))


def wait_for_request(sandbox, times=1):
    wait_for(lambda: requests_to(sandbox) >= times, f"{times} requests at the token endpoint")


def kinds_of_events():
    """Return the kinds of all events, in their order."""
    return list(LinkEvent.objects.order_by("pk").values_list("kind", flat=True))


def announce_what_was_left():
    """Clean up as if all that has happened were six minutes ago."""
    LinkEvent.objects.update(created_at=F("created_at") - timedelta(minutes=6))
    flows.clean_up()


def phase(link):
    """Return the phase that the row tells, and how often its refresh token was to be sent."""
    row = held(link)
    leased = row.lease_until is not None and row.lease_until > row.database_now
    if row.in_doubt:
        return ("SENT" if leased else "UNKNOWN"), row.sent_count
    return ("CLAIMED" if leased else "IDLE"), row.sent_count


def is_refreshed(sandbox, link):
    """Whether the link lives on what the server takes for the latest, after one refresh."""
    row = held(link)
    return row.is_active and row.generation == 2 and sandbox.is_current(tokens_of(link)[1])


def just_before(statement, link, **columns):
    """Let the row of `link` change just before a statement with these words runs, once."""

    def change(execute, sql, params, many, context):
        if words and words[0] in sql:
            words.clear()
            BufferLink.objects.filter(pk=link.pk).update(**columns)
        return execute(sql, params, many, context)

    words = [statement]
    return connection.execute_wrapper(change)


def after_each(statement, act):
    """Let `act` be called with the parameters of each statement with these words when it has run."""

    def run(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if statement in sql:
            act(params)
        return result

    return connection.execute_wrapper(run)


def killed_at(start, statement, moment, job="sweep", *arguments):
    """Start a process that is killed just before or after a statement, and wait for its end."""
    process = start(job, *arguments, signal_at=(statement, moment, signal.SIGKILL))
    process.ready().go().wait_until_killed()


def killed_while_waiting(start, sandbox, job="sweep", *arguments):
    """Start a process and kill it when its request has come to the server."""
    process = start(job, *arguments).ready().go()
    wait_for_request(sandbox)
    process.kill()


def stopped_at(start, statement, moment, job="sweep", *arguments):
    """Start a process that stands still just before or after a statement; return it then."""
    process = start(job, *arguments, signal_at=(statement, moment, signal.SIGSTOP)).ready().go()
    process.wait_until_stopped()
    return process


def gone_on(process):
    """End the standstill of a process; return the result of its job."""
    process.go_on()
    return process.result()
