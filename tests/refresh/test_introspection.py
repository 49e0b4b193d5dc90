"""A link in doubt, and what the server says of its token (RFC 7662)."""

from datetime import timedelta
from time import monotonic, sleep

import pytest
from django.db import connection
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import LinkRevoked, TokenUnavailable
from buffer_connect.flows.refresh import introspection
from buffer_connect.models import BufferLink
from tests.links import age, due_links, held, link_to, make_due, tokens_of
from tests.processes import wait_for
from tests.refresh.steps import STORE, after_each, kinds_of_events


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
    assert put_off(beside_another)
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


def put_off(link):
    row = held(link)
    return (row.status, row.in_doubt, row.last_error) == ("active", True, "not_introspected")


def test_where_nobody_can_teach_it_it_waits_and_puts_nobody_else_at_risk(sandbox, forgetful):
    flows.sweep()
    assert put_off(forgetful)
    assert sandbox.requests_to("token") == []
    age(forgetful, hours=2)
    flows.sweep()
    assert held(forgetful).reason == BufferLink.Reason.ANSWER_LOST


def test_so_it_does_where_the_server_is_away_for_the_first_question(sandbox, forgetful, other_user):
    sandbox.fail_next("error_before", on="introspection")
    make_due(link_to(sandbox, other_user, account="another"))
    flows.sweep()
    assert put_off(forgetful)
    introspection._SILENT_UNTIL.clear()
    age(forgetful, minutes=1)
    make_due(link_to(sandbox, other_user, account="another"))
    flows.sweep()
    assert held(forgetful).generation == 2


def test_a_server_that_cannot_tell_puts_nothing_off(sandbox, forgetful, other_user):
    sandbox.fail_next("error_before", on="introspection", status=404)
    make_due(link_to(sandbox, other_user, account="another"))
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
    timing = {**settings.BUFFER_CONNECT["TIMING"], "IN_FLIGHT": 4}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
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
    sandbox.forget_requests()
    questions = {}

    def look(params):
        questions[params["pk"]] = len(sandbox.requests_to("introspection"))

    with after_each(STORE, look):
        flows.sweep()
    assert {held(link).generation for link in healthy} == {3}
    assert max(questions[link.pk] for link in healthy) < 5
    assert len(sandbox.requests_to("introspection")) == 5


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


@pytest.fixture
def slowly(sandbox, monkeypatch):
    """Return a context manager: the server tells of a token when as many answers are stored, and
    answers the refreshes among them when it has been asked about one."""
    steps = {1: lambda: sandbox.requests_to("introspection"), 2: lambda: not left}
    left = []
    # Longer than anybody waits for it to tell.
    longest = introspection.WITHIN * 2

    def pause(step):
        over = monotonic() + longest
        while step and not steps[step]() and monotonic() < over:
            sleep(0.01)

    def until_stored(number, links):
        monkeypatch.setattr(sandbox._application, "_pause", pause)
        left.extend(range(number))
        sandbox.fail_next("slow", on="introspection", seconds=2)
        for link in links:
            sandbox.fail_next("slow", grant=sandbox.grant_of(tokens_of(link)[1]).id, seconds=1)
        return after_each(STORE, lambda params: left and left.pop())

    return until_stored


def test_what_arrives_while_it_is_asked_about_one_in_doubt_is_stored(sandbox, user, slowly):
    doubtful = in_doubt(sandbox, user, "outage")
    other = BufferLink.objects.exclude(pk=doubtful.pk).get()
    # Before the one in doubt.
    BufferLink.objects.filter(pk=other.pk).update(refresh_due_at=timezone.now() - timedelta(days=1))
    with slowly(1, [other]):
        flows.sweep()
    assert (held(doubtful).generation, held(other).generation) == (2, 3)
    assert kinds_of_events() == []


def test_so_is_what_arrives_while_it_is_asked_for_the_first_time(sandbox, user, slowly):
    _, *others = due_links(sandbox, user, 3)
    with slowly(3, others):
        flows.sweep()
    assert [*introspection._TRUSTED.values()] == [True]


def test_an_error_of_the_database_meanwhile_stores_what_else_is_out(sandbox, user, monkeypatch):
    first, second, last = due_links(sandbox, user, 3)
    failed = []
    # In the order in which they are answered: the refreshes around what the server tells.
    answers = {
        1: lambda: sandbox.requests_to("introspection"),
        2: lambda: failed,
        3: lambda: failed and sandbox.requests_to("introspection")[0].ended_at,
    }

    def pause(step):
        if step:
            wait_for(answers[step], f"answer {step}")
            sleep(0.2)

    def once(execute, sql, params, many, context):
        if STORE in sql and params["pk"] == second.pk and not failed:
            failed.append(sql)
            raise RuntimeError("the plug was pulled")
        return execute(sql, params, many, context)

    monkeypatch.setattr(sandbox._application, "_pause", pause)
    sandbox.fail_next("slow", on="introspection", seconds=2)
    for step, link in (1, second), (3, last):
        sandbox.fail_next("slow", grant=sandbox.grant_of(tokens_of(link)[1]).id, seconds=step)
    with connection.execute_wrapper(once), pytest.raises(RuntimeError):
        flows.sweep()
    assert [held(link).generation for link in (first, second, last)] == [2, 1, 2]


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
