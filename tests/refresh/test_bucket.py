"""All processes together send at most so many refreshes a second."""

from datetime import timedelta
from importlib import import_module
from math import inf
from threading import Event, Timer

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.flows.refresh import bucket
from buffer_connect.models import BufferLink, ServiceState
from buffer_connect.models.clock import DatabaseNow
from tests.links import age, due_links, held, link_to, tokens_of
from tests.refresh.steps import CLAIM, after_each, just_before

only_on_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="the clock is that of a server"
)


@pytest.fixture
def rate(settings):
    """Return a function that sets how many refreshes a second may be sent."""

    def set_rate(number, **times):
        timing = {"TIMING": {"SENDS_PER_SECOND": number, **times}}
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **timing}

    return set_rate


def put(tokens, *, seconds_ago=0.0):
    """Let the bucket have held so much so many seconds ago."""
    then = DatabaseNow() - timedelta(seconds=seconds_ago)
    ServiceState.objects.put("bucket", tokens=tokens, updated_at=then)


def left():
    return ServiceState.objects.get(name="bucket").tokens


def test_a_new_bucket_is_full(db, rate):
    rate(20)
    assert bucket.take(16) == 16
    assert left() == 4


def test_no_batch_is_larger_than_the_bucket(db, rate):
    rate(20)
    assert bucket.take(1000) == 20


@only_on_sqlite
def test_where_there_is_not_enough_a_batch_takes_a_portion_or_nothing(db, rate):
    rate(20)
    with time_machine.travel(timezone.now(), tick=False):
        put(9)
        assert [bucket.take(16), bucket.take(3), bucket.take(16), left()] == [5, 3, 0, 1]


@pytest.mark.parametrize("seconds", [0.6, 1.5, 3600, -3600], ids="{} s ago".format)
def test_it_fills_as_time_passes_and_is_full_when_nobody_drew(db, rate, seconds):
    rate(20)
    put(0, seconds_ago=seconds)
    assert bucket.take(10) == 10
    assert left() <= 10


def test_one_refresh_in_a_second_is_possible(db, rate):
    rate(1)
    assert bucket.take(16) == 1


def test_what_was_not_sent_is_put_back(db, rate):
    rate(20)
    put(0)
    bucket.give_back(7)
    assert bucket.take(7) == 7


def test_what_is_put_back_never_makes_it_hold_more(db, rate):
    rate(20)
    put(20)
    bucket.give_back(7)
    assert bucket.take(1000) == 20
    assert left() == 0


def test_callers_do_not_silence_the_sweeps_for_long(db, rate):
    rate(20)
    put(-19)
    for _ in range(100):
        bucket.owe()
    assert -20 <= left() < 0


@pytest.mark.long
def test_a_sweep_waits_until_it_may_send_and_sends_the_soonest_due_first(sandbox, user, rate):
    rate(20, IN_FLIGHT=1)
    links = due_links(sandbox, user, 22)
    for minutes, link in enumerate(links):
        due = timezone.now() - timedelta(minutes=minutes)
        BufferLink.objects.filter(pk=link.pk).update(refresh_due_at=due)
    soonest_first = [tokens_of(link)[1] for link in reversed(links)]
    assert flows.sweep() == 22
    sent = [request.form["refresh_token"][0] for request in sandbox.requests_to("token")]
    assert sent == soonest_first
    assert {held(link).generation for link in links} == {2}


@pytest.mark.long
def test_a_sweep_that_waits_ends_in_time(sandbox, user, rate, monkeypatch):
    rate(2)
    due_links(sandbox, user, 5)
    time_is_up = Event()
    sweep = import_module("buffer_connect.flows.refresh.sweep")
    monkeypatch.setattr(sweep, "monotonic", lambda: inf if time_is_up.is_set() else 0.0)
    with after_each(CLAIM, lambda params: time_is_up.set()):
        assert flows.sweep() == 2


@pytest.mark.long
def test_a_sweep_that_waits_can_be_stopped(sandbox, user, rate):
    rate(1)
    due_links(sandbox, user, 9)
    stop = Event()
    Timer(0.2, stop.set).start()
    assert flows.sweep(stop=stop) < 9


@pytest.mark.long
def test_an_answer_is_stored_while_a_sweep_waits(sandbox, user, rate):
    rate(1)
    due_links(sandbox, user, 2)
    stored = []

    def look(execute, sql, params, many, context):
        if CLAIM in sql:
            stored.append(BufferLink.objects.filter(generation=2).count())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        flows.sweep()
    assert stored == [0, 1]


@pytest.mark.long
def test_a_sweep_goes_on_as_soon_as_it_may_whatever_it_waits_for(sandbox, user, rate):
    rate(2)
    slow, *others = due_links(sandbox, user, 4)
    grant = sandbox.grant_of(tokens_of(slow)[1]).id
    sandbox.fail_next("slow", grant=grant, seconds=4)
    flows.sweep()
    last = max(held(link).last_refreshed_at for link in others)
    assert held(slow).last_refreshed_at > last


def test_a_claim_that_others_were_quicker_at_costs_nothing(sandbox, user, rate):
    rate(1)
    (link,) = due_links(sandbox, user, 1)
    with just_before(CLAIM, link, lease_until=timezone.now() + timedelta(minutes=3)):
        assert flows.sweep() == 0
    assert left() >= 1


def test_a_caller_does_not_wait_and_the_sweeps_send_so_many_less(sandbox, user, rate):
    rate(4)
    link = link_to(sandbox, user)
    age(link, hours=2)
    put(0, seconds_ago=3600)
    BufferClient(link).get_access_token()
    assert left() == 3


def test_callers_are_written_down_a_portion_at_a_time(db, rate):
    rate(20)
    put(0, seconds_ago=3600)
    for _ in range(5):
        bucket.owe()
    assert left() == 15


def test_a_caller_is_not_held_up_by_an_empty_bucket(sandbox, user, rate):
    rate(1)
    link = link_to(sandbox, user)
    age(link, hours=2)
    put(-1)
    assert BufferClient(link).get_access_token()


def test_links_that_cannot_be_opened_cost_nothing(sandbox, user, rate):
    rate(1)
    *blocked, link = due_links(sandbox, user, 12)
    no_key = {"refresh_token": b"\x01\x01x" + bytes(40)}
    BufferLink.objects.filter(pk__in=[each.pk for each in blocked]).update(**no_key)
    flows.sweep(seconds=5)
    assert held(link).generation == 2


def test_a_batch_costs_one_statement(sandbox, user):
    due_links(sandbox, user, 10)
    bucket.take(1)
    with CaptureQueriesContext(connection) as queries:
        flows.sweep()
    drawn = [
        query["sql"] for query in queries if "tokens" in query["sql"] and "bucket" in query["sql"]
    ]
    assert len(drawn) == 1
