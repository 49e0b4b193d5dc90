"""Many requests at once."""

import pytest
from django.db import connection

from buffer_connect import flows, signals
from buffer_connect.models import BufferLink
from tests.links import due_links, held, tokens_of
from tests.refresh.steps import STORE, after_each


@pytest.mark.long
@pytest.mark.parametrize("in_flight", [1, 3, 16])
def test_every_due_link_is_refreshed_once(sandbox, user, settings, in_flight):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": {"IN_FLIGHT": in_flight}}
    links = due_links(sandbox, user, 20)
    assert flows.sweep() == 20
    assert {held(link).generation for link in links} == {2}
    assert all(sandbox.is_current(tokens_of(link)[1]) for link in links)
    assert len(sandbox.requests_to("token")) == 20


@pytest.mark.long
def test_slow_answers_are_waited_for_together(sandbox, user, slow_until):
    links = due_links(sandbox, user, 8)
    sandbox.fail_next("slow", 8)
    slow_until(8)
    flows.sweep()
    assert {held(link).generation for link in links} == {2}


@pytest.mark.long
def test_an_answer_is_stored_when_it_arrives(sandbox, user, gate):
    slow, *quick = due_links(sandbox, user, 4)
    grant = sandbox.grant_of(tokens_of(slow)[1]).id
    sandbox.fail_next("slow", grant=grant, seconds=60)
    stored = []

    def look(params):
        stored.append(params["pk"])
        if {link.pk for link in quick} == set(stored):
            gate.set()

    with after_each(STORE, look):
        flows.sweep()
    assert stored[3:] == [slow.pk]


@pytest.fixture
def receiver():
    """Collect how many links were refreshed when a receiver was told of one."""
    seen = []

    def look(**facts):
        seen.append(BufferLink.objects.filter(generation=2).count())

    signals.link_refreshed.connect(look)
    yield seen
    signals.link_refreshed.disconnect(look)


def test_no_answer_waits_for_a_receiver(sandbox, user, receiver):
    due_links(sandbox, user, 6)
    flows.sweep()
    assert receiver == [6] * 6


def test_one_failing_answer_leaves_the_others_alone(sandbox, user):
    links = due_links(sandbox, user, 6)
    sandbox.fail_next("lose_answer", 2)
    sandbox.fail_next("rate_limit", 1)
    flows.sweep()
    assert sorted(held(link).generation for link in links) == [1, 1, 1, 2, 2, 2]


def test_an_error_of_the_database_stores_what_else_is_out(sandbox, user):
    links = due_links(sandbox, user, 6)

    def once(execute, sql, params, many, context):
        if "generation + 1" in sql and not failed:
            failed.append(sql)
            raise RuntimeError("the plug was pulled")
        return execute(sql, params, many, context)

    failed = []
    with connection.execute_wrapper(once), pytest.raises(RuntimeError):
        flows.sweep()
    assert sorted(held(link).generation for link in links) == [1, 2, 2, 2, 2, 2]
