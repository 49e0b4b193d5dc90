"""A worker that stands still for longer than its lease, and then goes on as if nothing had been."""

import signal
import time
from datetime import timedelta

import pytest

from buffer_connect import flows
from buffer_connect.models import BufferLink, LinkEvent
from tests.links import age, held, link_to, make_due, tokens_of
from tests.refresh.steps import (
    CALLERS_CLAIM,
    CLAIM,
    DOUBT,
    INTENT,
    POSTPONE,
    STORE,
    is_refreshed,
    phase,
    requests_to,
    wait_for_request,
)
from tests.transport.raw_server import RawServer, response

pytestmark = pytest.mark.long

# LEASE is PREFLIGHT, TOTAL, COMMIT and SKEW, and a little more; a request is written within 0.7 s.
TIMES = {
    "PREFLIGHT": timedelta(seconds=0.3),
    "CONNECT": timedelta(seconds=0.2),
    "READ": timedelta(seconds=1),
    "TOTAL": timedelta(seconds=1),
    "COMMIT": timedelta(seconds=0.5),
    "SKEW": timedelta(seconds=0.1),
    "LEASE": timedelta(seconds=2.1),
    "QUARANTINE": timedelta(seconds=3.1),
}
TOKENS = {"access_token": "next-access", "refresh_token": "next-refresh", "token_type": "Bearer"}
LEASE = {"seconds": 3}
TOKEN_AND_QUARANTINE = {"minutes": 61}


@pytest.fixture
def link(sandbox, user, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": TIMES}
    link = link_to(sandbox, user)
    make_due(link)
    return link


def stopped_at(start, statement, moment, job="sweep", *arguments):
    signal_at = (statement, moment, signal.SIGSTOP)
    worker = start(job, *arguments, signal_at=signal_at).ready().go()
    worker.wait_until_stopped()
    return worker


def stopped_while_waiting(start, sandbox):
    """Stop a worker whose request is carried out, and wait until the answer is long there."""
    sandbox.fail_next("slow", seconds=0.7)
    worker = start("sweep").ready().go()
    wait_for_request(sandbox)
    worker.stop()
    time.sleep(1.1)
    return worker


def gone_on(worker):
    worker.go_on()
    return worker.result()


def kinds_of_events():
    return list(LinkEvent.objects.order_by("pk").values_list("kind", flat=True))


def test_an_answer_that_waited_longer_than_the_lease_is_stored(sandbox, link, start):
    worker = stopped_while_waiting(start, sandbox)
    age(link, **LEASE)
    assert (phase(link), flows.sweep()) == (("UNKNOWN", 1), 0)
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_it_is_stored_even_when_the_link_had_been_given_up(sandbox, link, other_user, start):
    # A living link on the same account forbids that the token is sent again.
    link_to(sandbox, other_user)
    worker = stopped_while_waiting(start, sandbox)
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert held(link).reason == BufferLink.Reason.ANSWER_LOST
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert kinds_of_events() == ["revoked", "recovered"]


def test_our_own_second_send_is_never_laid_at_the_users_door(sandbox, link, start):
    worker = stopped_while_waiting(start, sandbox)
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    gone_on(worker)
    age(link, minutes=61)
    flows.sweep()
    assert kinds_of_events() == ["resent", "revoked", "recovered", "revoked"]
    assert held(link).reason == BufferLink.Reason.ANSWER_LOST


def test_what_was_not_written_in_time_is_not_written_at_all(sandbox, link, start):
    worker = stopped_at(start, INTENT, "after")
    time.sleep(0.8)
    gone_on(worker)
    assert requests_to(sandbox) == 0
    assert (held(link).sent_generation, held(link).last_error) == (None, "not_sent")
    age(link, minutes=1)
    flows.sweep()
    assert is_refreshed(sandbox, link)


def test_nor_when_another_worker_has_sent_the_same_token_since(sandbox, link, start):
    worker = stopped_at(start, INTENT, "after")
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    time.sleep(0.8)
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_a_lease_that_has_passed_to_another_worker_is_no_permission(sandbox, link, start):
    worker = stopped_at(start, CLAIM, "after")
    age(link, **LEASE)
    flows.sweep()
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_nor_while_the_other_worker_waits_for_its_answer(sandbox, link, start):
    worker = stopped_at(start, CLAIM, "after")
    age(link, **LEASE)
    other = stopped_at(start, STORE, "before")
    gone_on(worker)
    assert requests_to(sandbox) == 1
    gone_on(other)
    assert is_refreshed(sandbox, link)


def test_an_answer_in_hand_is_stored_after_the_lease(sandbox, link, start):
    worker = stopped_at(start, STORE, "before")
    age(link, **LEASE)
    assert (phase(link), flows.sweep()) == (("UNKNOWN", 1), 0)
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_an_answer_in_hand_is_nothing_to_who_connected_anew(sandbox, user, link, start):
    worker = stopped_at(start, STORE, "before")
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


def test_a_refusal_that_waited_longer_than_the_lease_ends_the_link(sandbox, link, start):
    sandbox.revoke_account("account-1")
    worker = stopped_while_waiting(start, sandbox)
    age(link, **LEASE)
    assert (phase(link), flows.sweep()) == (("UNKNOWN", 1), 0)
    gone_on(worker)
    assert held(link).reason == BufferLink.Reason.REVOKED_AT_BUFFER
    assert kinds_of_events() == ["revoked"]


def test_it_is_nothing_to_who_connected_anew(sandbox, user, link, start):
    sandbox.revoke_account("account-1")
    worker = stopped_while_waiting(start, sandbox)
    tokens = tokens_of(link_to(sandbox, user))
    gone_on(worker)
    assert (held(link).is_active, tokens_of(link), kinds_of_events()) == (True, tokens, [])


def stopped_caller(start, link):
    BufferLink.objects.filter(pk=link.pk).update(expires_at=held(link).database_now)
    return stopped_at(start, CALLERS_CLAIM, "after", "call", [link.pk])


def test_a_caller_does_not_send_what_was_not_written_in_time(sandbox, link, start):
    caller = stopped_caller(start, link)
    time.sleep(0.8)
    ((token, fault),) = gone_on(caller)
    assert (token, fault.split(":")[0]) == (None, "TokenUnavailable")
    assert (requests_to(sandbox), held(link).last_error) == (0, "not_sent")


def test_nor_when_another_one_has_refreshed_the_link_since(sandbox, link, start):
    caller = stopped_caller(start, link)
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    time.sleep(0.8)
    assert gone_on(caller) == [(tokens_of(link)[0], None)]
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_an_answer_that_takes_several_reads_is_read_to_its_end(link, start, settings):
    def script(connection):
        connection.request()
        connection.wait(0.5)
        connection.send(response({"padding": "-" * 20_000, **TOKENS}))
        connection.wait()

    with RawServer(script) as server:
        endpoints = {"token": server.url}
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENDPOINTS": endpoints}
        worker = start("sweep").ready().go()
        while not server.requests:
            time.sleep(0.01)
        worker.stop()
        time.sleep(1.1)
        gone_on(worker)
    assert tokens_of(link) == (TOKENS["access_token"], TOKENS["refresh_token"])
