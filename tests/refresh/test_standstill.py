"""A worker that stands still for longer than its lease, and then goes on as if nothing had been."""

import time
from datetime import timedelta
from threading import Event

import pytest
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.flows.refresh import brake
from buffer_connect.models import BufferLink, ServiceState
from tests.links import age, held, link_to, make_due, tokens_of
from tests.processes import PATIENCE, wait_for
from tests.refresh.steps import (
    CALLERS_CLAIM,
    DOUBT,
    INTENT,
    POSTPONE,
    STORE,
    STORE_REFRESH_TOKEN,
    TOKEN_AND_SILENCE,
    gone_on,
    is_refreshed,
    kinds_of_events,
    phase,
    requests_to,
    stopped_at,
    wait_for_request,
)
from tests.transport.raw_server import RawServer, response

pytestmark = pytest.mark.long

# A worker may send for almost as long as its lease lasts, so that it is the row that tells it not
# to; and it waits for an answer no longer than a test does.
TIMES = {
    "PREFLIGHT": timedelta(seconds=0.3),
    "CONNECT": timedelta(seconds=0.2),
    "READ": timedelta(seconds=3),
    "TOTAL": timedelta(seconds=3),
    "COMMIT": timedelta(seconds=2),
    "SKEW": timedelta(seconds=0.1),
    "LEASE": timedelta(seconds=60),
    "QUARANTINE": timedelta(seconds=63),
}
# With this lease a request is written within 2.2 s.
SHORT_LEASE = timedelta(seconds=7.1)
TOO_LATE_TO_SEND = 2.3
TOO_LATE_TO_READ = 3.2
TOKENS = {"access_token": "next-access", "refresh_token": "next-refresh", "token_type": "Bearer"}
LEASE = {"seconds": 61}
TOKEN_AND_QUARANTINE = {"minutes": 62}


@pytest.fixture
def link(sandbox, user, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": TIMES}
    link = link_to(sandbox, user)
    make_due(link)
    return link


@pytest.fixture
def _short_lease(link, settings):
    timing = {**TIMES, "LEASE": SHORT_LEASE}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}


short_lease = pytest.mark.usefixtures("_short_lease")


@pytest.fixture
def stopped_while_waiting(sandbox, start, gate):
    """Return a function that stops a worker whose request is carried out, and waits until the answer
    is long there."""

    def stopped_while_waiting():
        sandbox.fail_next("slow", seconds=60)
        worker = start("sweep").ready().go()
        wait_for_request(sandbox)
        worker.stop()
        gate.set()
        wait_for(lambda: sandbox.requests_to("token")[-1].ended_at, "an answer")
        time.sleep(TOO_LATE_TO_READ)
        return worker

    return stopped_while_waiting


def test_an_answer_that_waited_longer_than_the_lease_is_stored(
    sandbox, link, stopped_while_waiting
):
    worker = stopped_while_waiting()
    age(link, **LEASE)
    assert (phase(link), flows.sweep()) == (("UNKNOWN", 1), 0)
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_it_is_stored_even_when_the_link_had_been_given_up(
    sandbox, link, other_user, stopped_while_waiting
):
    # A living link on the same account forbids that the token is sent again.
    link_to(sandbox, other_user)
    worker = stopped_while_waiting()
    age(link, **TOKEN_AND_SILENCE)
    flows.sweep()
    assert held(link).reason == BufferLink.Reason.ANSWER_LOST
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert kinds_of_events() == ["revoked", "recovered"]


def test_our_own_second_send_is_never_laid_at_the_users_door(sandbox, link, stopped_while_waiting):
    worker = stopped_while_waiting()
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    gone_on(worker)
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert kinds_of_events() == ["resent", "revoked", "recovered", "revoked"]
    assert held(link).reason == BufferLink.Reason.ANSWER_LOST


@short_lease
def test_what_was_not_written_in_time_is_not_written_at_all(sandbox, link, start):
    worker = stopped_at(start, INTENT, "after")
    time.sleep(TOO_LATE_TO_SEND)
    gone_on(worker)
    assert requests_to(sandbox) == 0
    assert (held(link).sent_generation, held(link).last_error) == (None, "not_sent")
    age(link, minutes=1)
    flows.sweep()
    assert is_refreshed(sandbox, link)


@short_lease
def test_nor_when_another_worker_has_sent_the_same_token_since(sandbox, link, start):
    worker = stopped_at(start, INTENT, "after")
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    time.sleep(TOO_LATE_TO_SEND)
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_a_lease_that_is_over_is_no_permission(sandbox, link, start):
    worker = stopped_at(start, INTENT, "before")
    age(link, **LEASE)
    # It would claim the link anew.
    ServiceState.objects.put("brake", opened_at=timezone.now())
    gone_on(worker)
    assert (phase(link), requests_to(sandbox)) == (("IDLE", 0), 0)
    brake.take_off()
    flows.sweep()
    assert is_refreshed(sandbox, link)


def test_nor_is_one_that_has_passed_to_another_worker(sandbox, link, start):
    worker = stopped_at(start, INTENT, "before")
    age(link, **LEASE)
    other = stopped_at(start, STORE, "before")
    gone_on(worker)
    assert (phase(link), requests_to(sandbox)) == (("SENT", 1), 1)
    gone_on(other)
    assert is_refreshed(sandbox, link)


ANSWERS = pytest.mark.parametrize(
    ("changes", "step"),
    [({}, STORE), ({"access_token": None}, STORE_REFRESH_TOKEN)],
    ids=["whole", "without an access token"],
)


@ANSWERS
def test_an_answer_in_hand_is_stored_after_the_lease(sandbox, link, start, changes, step):
    sandbox.fail_next("alter", changes=changes)
    worker = stopped_at(start, step, "before")
    age(link, **LEASE)
    assert (phase(link), flows.sweep()) == (("UNKNOWN", 1), 0)
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


@ANSWERS
def test_an_answer_in_hand_is_nothing_to_who_connected_anew(
    sandbox, user, link, start, changes, step
):
    sandbox.fail_next("alter", changes=changes)
    worker = stopped_at(start, step, "before")
    tokens = tokens_of(link_to(sandbox, user))
    gone_on(worker)
    assert (tokens_of(link), held(link).generation) == (tokens, 1)
    # Nor is it revoked: both may live on one grant.
    assert len(sandbox.requests_to("revocation")) == 0


UNUSED, UNHEARD = ("rate_limit", POSTPONE), ("outage", DOUBT)


@pytest.mark.parametrize(("fault", "step"), [UNUSED, UNHEARD], ids=["unused", "unheard"])
def test_a_failure_in_hand_is_noted_after_the_lease(sandbox, link, start, fault, step):
    sandbox.fail_next(fault)
    worker = stopped_at(start, step, "before")
    age(link, **LEASE)
    assert (phase(link), flows.sweep()) == (("UNKNOWN", 1), 0)
    gone_on(worker)
    row = held(link)
    assert (row.failures, row.is_active, row.in_doubt) == (1, True, step == DOUBT)


@pytest.mark.parametrize(("fault", "step"), [UNUSED, UNHEARD], ids=["unused", "unheard"])
def test_a_failure_in_hand_is_nothing_to_what_went_out_since(sandbox, link, start, fault, step):
    sandbox.fail_next(fault)
    worker = stopped_at(start, step, "before")
    age(link, **TOKEN_AND_QUARANTINE)
    other = stopped_at(start, STORE, "before")
    gone_on(worker)
    assert (phase(link), held(link).failures) == (("SENT", 2), 0)
    gone_on(other)
    assert is_refreshed(sandbox, link)


def test_a_refusal_that_waited_longer_than_the_lease_ends_the_link(
    sandbox, link, stopped_while_waiting
):
    sandbox.revoke_account("account-1")
    worker = stopped_while_waiting()
    age(link, **LEASE)
    assert (phase(link), flows.sweep()) == (("UNKNOWN", 1), 0)
    gone_on(worker)
    assert held(link).reason == BufferLink.Reason.REVOKED_AT_BUFFER
    assert kinds_of_events() == ["revoked"]


def test_it_is_nothing_to_who_connected_anew(sandbox, user, link, stopped_while_waiting):
    sandbox.revoke_account("account-1")
    worker = stopped_while_waiting()
    tokens = tokens_of(link_to(sandbox, user))
    gone_on(worker)
    assert (held(link).is_active, tokens_of(link), kinds_of_events()) == (True, tokens, [])


def stopped_caller(start, link):
    BufferLink.objects.filter(pk=link.pk).update(expires_at=held(link).database_now)
    return stopped_at(start, CALLERS_CLAIM, "after", "call", [link.pk])


@short_lease
def test_a_caller_does_not_send_what_was_not_written_in_time(sandbox, link, start):
    caller = stopped_caller(start, link)
    time.sleep(TOO_LATE_TO_SEND)
    ((token, fault),) = gone_on(caller)
    assert (token, fault.split(":")[0]) == (None, "TokenUnavailable")
    assert (requests_to(sandbox), held(link).last_error) == (0, "not_sent")


@short_lease
def test_nor_when_another_one_has_refreshed_the_link_since(sandbox, link, start):
    caller = stopped_caller(start, link)
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    time.sleep(TOO_LATE_TO_SEND)
    assert gone_on(caller) == [(tokens_of(link)[0], None)]
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_an_answer_that_takes_several_reads_is_read_to_its_end(link, start, settings):
    is_stopped, is_answered = Event(), Event()

    def script(connection):
        connection.request()
        is_stopped.wait(PATIENCE)
        connection.send(response({"padding": "-" * 20_000, **TOKENS}))
        is_answered.set()
        connection.wait()

    with RawServer(script) as server:
        endpoints = {"token": server.url}
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENDPOINTS": endpoints}
        worker = start("sweep").ready().go()
        wait_for(lambda: server.requests, "a request")
        worker.stop()
        is_stopped.set()
        assert is_answered.wait(PATIENCE)
        time.sleep(TOO_LATE_TO_READ)
        gone_on(worker)
    assert tokens_of(link) == (TOKENS["access_token"], TOKENS["refresh_token"])
