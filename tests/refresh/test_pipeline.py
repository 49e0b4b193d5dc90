"""Many requests at once, and the introspection that may save a link in doubt."""

from datetime import timedelta
from time import monotonic

import pytest
from django.db import connection
from django.utils import timezone

from buffer_connect import flows, signals
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import LinkRevoked, TokenUnavailable
from buffer_connect.flows.refresh import introspection
from buffer_connect.models import BufferLink
from tests.links import age, held, link_to, make_due, tokens_of


@pytest.fixture(autouse=True)
def _nothing_learned(monkeypatch):
    """Let each test begin as a process that has asked nothing yet."""
    monkeypatch.setattr(introspection, "_TRUSTED", {})
    monkeypatch.setattr(introspection, "_SILENT_UNTIL", {})


def due_links(sandbox, user, number):
    links = [link_to(sandbox, user, account=f"account-{n}") for n in range(1, number + 1)]
    for link in links:
        make_due(link)
    return links


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
def test_slow_answers_are_waited_for_together(sandbox, user):
    due_links(sandbox, user, 8)
    sandbox.fail_next("slow", 8, seconds=0.5)
    started = monotonic()
    flows.sweep()
    assert monotonic() - started < 3


@pytest.mark.long
def test_an_answer_is_stored_when_it_arrives(sandbox, user):
    slow, *quick = due_links(sandbox, user, 4)
    grant = sandbox.grant_of(tokens_of(slow)[1]).id
    sandbox.fail_next("slow", grant=grant, seconds=0.8)
    flows.sweep()
    last = max(held(link).last_refreshed_at for link in quick)
    assert held(slow).last_refreshed_at - last > timedelta(seconds=0.15)


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


def in_doubt(sandbox, user, fault):
    """A link whose answer was lost, whose access token is over, beside one that is due."""
    doubtful, _ = due_links(sandbox, user, 2)
    grant = sandbox.grant_of(tokens_of(doubtful)[1]).id
    sandbox.fail_next(fault, grant=grant)
    flows.sweep()
    age(doubtful, hours=2)
    make_due(doubtful)
    sandbox.forget_requests()
    return doubtful


def test_a_token_that_the_server_calls_used_is_not_sent_again(sandbox, user):
    link = in_doubt(sandbox, user, "lose_answer")
    flows.sweep()
    assert held(link).reason == BufferLink.Reason.ANSWER_LOST
    assert sandbox.requests_to("token") == []


def test_a_token_that_the_server_calls_good_is_sent_as_if_for_the_first_time(sandbox, user):
    link = in_doubt(sandbox, user, "outage")
    flows.sweep()
    row = held(link)
    assert (row.generation, row.anomaly_at) == (2, None)


def test_a_good_token_is_sent_whatever_lives_beside_it(sandbox, user, other_user):
    link = in_doubt(sandbox, user, "outage")
    link_to(sandbox, other_user)
    flows.sweep()
    assert held(link).generation == 2


@pytest.fixture
def beside_another(sandbox, user, other_user):
    """A link in doubt whose token is good, beside another of its account; Buffer does not tell."""
    link = in_doubt(sandbox, user, "outage")
    link_to(sandbox, other_user)
    BufferLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    sandbox.fail_next("error_before", on="introspection", times=None)
    return link


def test_while_the_server_is_away_nobody_is_given_up(sandbox, beside_another):
    flows.sweep()
    row = held(beside_another)
    assert (row.status, row.in_doubt, row.last_error) == ("active", True, "not_introspected")
    assert sandbox.requests_to("token") == []
    sandbox.clear_faults()
    introspection._SILENT_UNTIL.clear()
    age(beside_another, minutes=6)
    flows.sweep()
    assert held(beside_another).generation == 2


def test_two_hours_after_the_access_token_there_is_an_end_to_that(beside_another):
    age(beside_another, hours=2)
    flows.sweep()
    assert held(beside_another).reason == BufferLink.Reason.ANSWER_LOST


@pytest.fixture
def forgetful(sandbox, user, other_user):
    """A link in doubt whose token is good, beside another of its account; the process is new."""
    link = in_doubt(sandbox, user, "outage")
    link_to(sandbox, other_user)
    introspection._TRUSTED.clear()
    return link


@pytest.mark.parametrize("fault", [None, "slow"])
def test_a_new_process_asks_when_others_have_taught_it_that_it_can(
    sandbox, forgetful, other_user, fault
):
    teacher = link_to(sandbox, other_user, account="another")
    make_due(teacher)
    if fault:
        sandbox.fail_next(fault, grant=sandbox.grant_of(tokens_of(teacher)[1]).id, seconds=0.3)
    flows.sweep()
    assert held(forgetful).generation == 2


def test_where_nobody_can_teach_it_it_puts_nobody_else_at_risk(forgetful):
    flows.sweep()
    assert held(forgetful).reason == BufferLink.Reason.ANSWER_LOST


def test_a_caller_leaves_it_to_a_sweep(sandbox, forgetful, other_user):
    with pytest.raises(TokenUnavailable):
        BufferClient(forgetful).get_access_token()
    assert sandbox.requests_to("token") == []
    make_due(link_to(sandbox, other_user, account="another"))
    flows.sweep()
    assert held(forgetful).generation == 2


def test_it_does_not_where_no_server_can_be_asked(sandbox, forgetful, settings):
    endpoints = {"introspection": None}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENDPOINTS": endpoints}
    with pytest.raises(LinkRevoked, match="answer_lost"):
        BufferClient(forgetful).get_access_token()


def test_a_server_that_calls_a_new_token_dead_is_not_believed(sandbox, user):
    sandbox.fail_next("alter", on="introspection", changes={"active": False})
    link = in_doubt(sandbox, user, "outage")
    flows.sweep()
    assert held(link).generation == 2
    assert sandbox.requests_to("introspection") == []


@pytest.mark.long
def test_an_answer_does_not_wait_until_the_server_was_asked_about_all(sandbox, user, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": {"IN_FLIGHT": 4}}
    links = due_links(sandbox, user, 16)
    healthy, doubtful = links[:11], links[11:]
    for link in doubtful:
        sandbox.fail_next("outage", grant=sandbox.grant_of(tokens_of(link)[1]).id)
    flows.sweep()
    for link in doubtful + healthy:
        age(link, hours=2)
        make_due(link)
    BufferLink.objects.filter(generation=2).update(
        refresh_due_at=timezone.now() - timedelta(days=1)
    )
    sandbox.fail_next("slow", 11, seconds=0.2)
    sandbox.fail_next("slow", 5, on="introspection", seconds=0.6)
    flows.sweep()
    stored = [held(link).last_refreshed_at for link in healthy]
    assert {held(link).generation for link in healthy} == {3}
    assert max(stored) - min(stored) < timedelta(seconds=2)
    assert len(sandbox.requests_to("introspection")) > 5


def test_a_server_that_does_not_answer_about_one_is_not_asked_about_the_others(sandbox, user):
    *doubtful, healthy = due_links(sandbox, user, 5)
    for link in doubtful:
        sandbox.fail_next("outage", grant=sandbox.grant_of(tokens_of(link)[1]).id)
    flows.sweep()
    for link in doubtful:
        age(link, hours=2)
        make_due(link)
    sandbox.forget_requests()
    sandbox.fail_next("outage", times=None, on="introspection")
    flows.sweep()
    assert len(sandbox.requests_to("introspection")) == 1
    assert {held(link).generation for link in [*doubtful, healthy]} == {2}


def test_introspection_can_be_turned_off(sandbox, user, settings):
    off = {"ENDPOINTS": {"introspection": None}}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **off}
    link = in_doubt(sandbox, user, "outage")
    flows.sweep()
    assert held(link).generation == 2
    assert sandbox.requests_to("introspection") == []


@pytest.mark.parametrize(
    ("fault", "options"),
    [("error_before", {}), ("html", {}), ("alter", {"changes": {"active": "yes"}}), ("outage", {})],
)
def test_an_answer_that_does_not_say_counts_for_nothing(sandbox, user, fault, options):
    link = in_doubt(sandbox, user, "outage")
    sandbox.fail_next(fault, on="introspection", **options)
    flows.sweep()
    row = held(link)
    assert (row.generation, row.anomaly_at is not None) == (2, True)
