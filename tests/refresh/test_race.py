"""Many processes, many links, all access tokens over: the worst moment for single-use tokens.

Each link costs one token request, none is lost, and every caller gets a token.
"""

import random
import signal
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.models import BufferLink
from tests.links import age, held, link_to, make_due, tokens_of
from tests.processes import begin, together, wait_for
from tests.refresh.steps import CLAIM, SCHEDULE, requests_to

pytestmark = pytest.mark.usefixtures("patient")


def ended_links(sandbox, user, count):
    """Return the ids of `count` links of different accounts, whose access tokens are over."""
    pks = [link_to(sandbox, user, account=f"account-{n}").pk for n in range(count)]
    now = timezone.now()
    BufferLink.objects.update(
        connected_at=now - timedelta(hours=2),
        refresh_due_at=now - timedelta(hours=1, minutes=15),
        expires_at=now - timedelta(hours=1),
    )
    return pks


def workers(start, pks, *, sweeps, callers, shuffled=False, options=""):
    orders = [random.sample(pks, len(pks)) if shuffled else pks for _ in range(callers)]
    return [
        *(start("sweep", options=options) for _ in range(sweeps)),
        *(start("call", order, options=options) for order in orders),
    ]


def outcome(sandbox, results):
    """Return what happened, in the form of `flawless`."""
    calls = [call for result in results if isinstance(result, list) for call in result]
    first_tokens = [grant.refresh_tokens[0] for grant in sandbox.grants]
    links = BufferLink.objects.active().filter(generation=2)
    return {
        "requests a link": Counter(token.requests for token in first_tokens),
        "requests": requests_to(sandbox),
        "alive": sum(sandbox.is_current(tokens_of(link)[1]) for link in links),
        "faults": Counter(fault for _, fault in calls if fault),
        "refused tokens": sum(not sandbox.accepts(token) for token, _ in calls if token),
    }


def flawless(links):
    return {
        "requests a link": {1: links},
        "requests": links,
        "alive": links,
        "faults": {},
        "refused tokens": 0,
    }


def test_a_sweep_and_a_caller_refresh_each_link_once(sandbox, user, start):
    pks = ended_links(sandbox, user, 20)
    results = together(workers(start, pks, sweeps=1, callers=1))
    assert outcome(sandbox, results) == flawless(20)


@pytest.mark.long
@pytest.mark.parametrize("latency", [0, 0.06], ids=["0 ms", "60 ms"])
@pytest.mark.parametrize("shuffled", [False, True], ids=["same order", "shuffled"])
@pytest.mark.parametrize("sweeps", [4, 0], ids=["4 sweeps and 4 callers", "8 callers"])
def test_eight_processes_and_two_hundred_links(sandbox, user, start, *, sweeps, shuffled, latency):
    sandbox.fail_next("slow", times=None, seconds=latency)
    pks = ended_links(sandbox, user, 200)
    results = together(workers(start, pks, sweeps=sweeps, callers=8 - sweeps, shuffled=shuffled))
    assert outcome(sandbox, results) == flawless(200)


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.mark.long
def test_many_calls_of_three_processes_that_get_a_401_at_once_cost_one_refresh(
    sandbox, link, start, gate
):
    # The server alone holds the token for expired.
    sandbox.advance(2 * 3600)
    sandbox.fail_next("slow", 24, on="api", seconds=60)
    processes = [start("ask", link.pk, 8) for _ in range(3)]
    begin(processes)
    wait_for(lambda: len(sandbox.requests_to("api")) == 24, "all have called")
    gate.set()
    results = [process.result() for process in processes]
    assert results == [[{"account": {"id": "account-1"}}] * 8] * 3
    assert (requests_to(sandbox), held(link).generation) == (1, 2)
    assert len(sandbox.requests_to("api")) == 48


def stopped_before(start, statement, link):
    at = (statement, "before", signal.SIGSTOP)
    caller = start("call", [link.pk], signal_at=at).ready().go()
    caller.wait_until_stopped()
    return caller


@pytest.mark.long
def test_a_caller_who_read_an_old_row_does_not_refresh_its_successor(sandbox, link, start):
    age(link, hours=2)
    # Over, and yet not due: only then does a caller schedule it.
    BufferLink.objects.update(refresh_due_at=timezone.now() + timedelta(hours=1))
    caller = stopped_before(start, SCHEDULE, link)
    make_due(link)
    flows.sweep()
    caller.go_on()
    assert caller.result() == [(tokens_of(link)[0], None)]
    assert requests_to(sandbox) == 1


@pytest.mark.long
def test_a_caller_who_loses_a_row_for_a_moment_tries_again(link, start):
    age(link, hours=2)
    caller = stopped_before(start, CLAIM, link)
    # Another's statement that began later and came first has left its own time.
    BufferLink.objects.update(refresh_due_at=timezone.now() + timedelta(seconds=1))
    caller.go_on()
    assert caller.result() == [(tokens_of(link)[0], None)]
    assert held(link).generation == 2
