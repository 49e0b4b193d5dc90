"""Awaiting Buffer: the event loop goes on, and who is cancelled loses nothing."""

import asyncio
import threading
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.db.backends.signals import connection_created

from buffer_connect.client import BufferClient
from buffer_connect.exceptions import (
    BufferUnavailable,
    LinkRevoked,
    MissingScope,
    MutationFailed,
    NotLinked,
    RateLimited,
    TokenUnavailable,
)
from buffer_connect.flows import steps
from buffer_connect.flows.refresh.worker import worker
from tests.awaiting import awaited, cancelled, until, wait_for_engine
from tests.links import age, held, link_to, tokens_of
from tests.refresh.steps import requests_to
from tests.transport.raw_server import RawServer, response

pytestmark = pytest.mark.django_db(transaction=True)

QUERY = "query { account { id } }"
DATA = {"account": {"id": "account-1"}}
MUTATION = 'mutation { deletePost(input: {id: "p"}) { __typename } }'


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def client_(link):
    return BufferClient(link)


@pytest.fixture
def ended(link):
    """A link whose access token has to be refreshed."""
    return age(link, hours=2)


@pytest.fixture
def opened():
    """The database connections that are opened from now on."""
    wrappers = []

    def note(connection, **facts):
        wrappers.append(connection)

    connection_created.connect(note)
    yield wrappers
    connection_created.disconnect(note)


@pytest.fixture
def one_thread(settings):
    """An engine that does one thing after the other."""
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": {"IN_FLIGHT": 1}}
    worker.reset()
    yield
    worker.reset()


@pytest.fixture
def slow_api(settings, link):
    """An API that answers when `release` is set."""

    def script(connection):
        while connection.request():
            api.release.wait(10)
            connection.send(response({"data": DATA}))

    with RawServer(script) as api:
        api.release = threading.Event()
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "API_URL": api.url}
        yield api


def refuse(sandbox, times=1):
    sandbox.fail_next("graphql_error", times, on="api", code="UNAUTHENTICATED", status=401)


def test_an_awaited_query_returns_its_data(client_):
    assert awaited(client_.aexecute(QUERY)) == DATA


def test_variables_are_sent_beside_the_query(client_):
    query = "query ($with: Boolean!) { account { id name @include(if: $with) } }"
    assert awaited(client_.aexecute(query, {"with": False})) == DATA


def test_a_token_that_lives_is_given_at_once(sandbox, link, client_):
    assert awaited(client_.aget_access_token()) == tokens_of(link)[0]
    assert requests_to(sandbox) == 0


def test_a_longer_life_is_fetched_when_asked_for(link, client_):
    age(link, minutes=30)
    awaited(client_.aget_access_token(min_ttl=timedelta(minutes=45)))
    assert held(link).generation == 2


def test_a_refused_token_is_refreshed_and_the_call_repeated(sandbox, link, client_):
    refuse(sandbox)
    assert awaited(client_.aexecute(QUERY)) == DATA
    assert held(link).generation == 2


def test_a_401_that_survives_a_forced_refresh_ends_the_link(sandbox, link, client_):
    refuse(sandbox, 2)
    with pytest.raises(LinkRevoked):
        awaited(client_.aexecute(QUERY))
    assert held(link).reason == "unauthorized"


@pytest.mark.parametrize(
    ("fault", "options", "error"),
    [
        ("rate_limit", {"retry_after": "17"}, RateLimited),
        ("lose_answer", {}, BufferUnavailable),
    ],
)
def test_what_the_api_answers_is_raised_as_ever(sandbox, client_, fault, options, error):
    sandbox.fail_next(fault, on="api", **options)
    with pytest.raises(error):
        awaited(client_.aexecute(QUERY))
    assert len(sandbox.requests_to("api")) == 1


def test_a_mutation_that_buffer_refuses_raises(client_):
    with pytest.raises(MutationFailed) as raised:
        awaited(client_.aexecute(MUTATION))
    assert raised.value.type == "VoidMutationError"


def test_a_refused_mutation_may_be_left_in_the_data(client_):
    data = awaited(client_.aexecute(MUTATION, raise_mutation_errors=False))
    assert data == {"deletePost": {"__typename": "VoidMutationError"}}


def test_a_short_rate_limit_is_waited_for(sandbox, link, user):
    async def ask_patiently():
        client = await BufferClient.afor_user(user, wait_for_rate_limit=timedelta(minutes=1))
        return await client.aexecute(QUERY), client.rate_limits

    sandbox.fail_next("rate_limit", on="api", retry_after="0.01")
    data, limits = awaited(ask_patiently())
    assert (data, len(sandbox.requests_to("api"))) == (DATA, 2)
    assert "15m" in limits


def test_a_report_costs_one_refresh(link, client_):
    async def report():
        refused = await client_.aget_access_token()
        await client_.areport_unauthorized(refused)
        return refused, await client_.aget_access_token()

    refused, successor = awaited(report())
    assert refused != successor == tokens_of(link)[0]
    assert held(link).generation == 2


def test_a_client_is_found_for_a_user(link, user):
    assert awaited(BufferClient.afor_user(user, scopes=["posts:read"])).link == link


@pytest.mark.parametrize(
    ("scopes", "of", "error"),
    [(["posts:write"], None, MissingScope), ([], AnonymousUser(), NotLinked)],
)
def test_no_client_is_found_for_who_has_no_such_link(link, user, scopes, of, error):
    with pytest.raises(error):
        awaited(BufferClient.afor_user(of or user, scopes=scopes))


def test_the_event_loop_goes_on_while_a_refresh_is_out(sandbox, ended, client_, gate):
    sandbox.fail_next("slow", seconds=60)

    async def let_it_answer():
        calling = asyncio.create_task(client_.aexecute(QUERY))
        await until(lambda: requests_to(sandbox))
        gate.set()
        return await calling

    assert awaited(let_it_answer()) == DATA


def test_the_event_loop_goes_on_while_the_api_is_slow(slow_api, client_):
    async def let_it_answer():
        calling = asyncio.create_task(client_.aexecute(QUERY))
        await until(lambda: slow_api.requests)
        slow_api.release.set()
        return await calling

    assert awaited(let_it_answer()) == DATA


@pytest.mark.long
def test_a_hundred_who_await_one_link_cost_one_refresh_and_one_thread(sandbox, ended, client_):
    sandbox.fail_next("slow", seconds=0.3)

    async def hundred():
        before = threading.active_count()
        calling = asyncio.gather(*(client_.aget_access_token() for _ in range(100)))
        await until(lambda: requests_to(sandbox))
        return await calling, threading.active_count() - before

    tokens, threads = awaited(hundred())
    assert {*tokens} == {tokens_of(ended)[0]}
    assert (requests_to(sandbox), held(ended).generation) == (1, 2)
    assert threads < 10


@pytest.mark.long
def test_who_awaits_a_slow_refresh_holds_up_nobody_else(sandbox, ended, user, client_, gate):
    other = link_to(sandbox, user, account="account-2")
    sandbox.fail_next("slow", seconds=60)

    async def both():
        slow = asyncio.gather(*(client_.aexecute(QUERY) for _ in range(40)))
        await until(lambda: requests_to(sandbox))
        answer = await BufferClient(other).aexecute(QUERY)
        is_over = slow.done()
        gate.set()
        return is_over, answer, await slow

    is_over, answer, answers = awaited(both())
    assert (is_over, answer) == (False, {"account": {"id": "account-2"}})
    assert answers == [DATA] * 40


@pytest.mark.parametrize("call", ["aget_access_token", "aexecute"])
def test_who_is_cancelled_while_a_refresh_is_out_loses_nothing(
    sandbox, ended, client_, caplog, gate, call
):
    sandbox.fail_next("slow", seconds=60)
    arguments = {"aexecute": [QUERY]}.get(call, [])

    async def give_up():
        calling = asyncio.create_task(getattr(client_, call)(*arguments))
        await until(lambda: requests_to(sandbox))
        return await cancelled(calling)

    assert awaited(give_up())
    # The event loop is closed; only now comes the answer.
    gate.set()
    wait_for_engine()
    row = held(ended)
    assert (row.is_active, row.generation, requests_to(sandbox)) == (True, 2, 1)
    assert sandbox.is_current(tokens_of(ended)[1])
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.long
def test_one_who_is_cancelled_leaves_the_others_their_refresh(sandbox, ended, client_, gate):
    sandbox.fail_next("slow", seconds=60)

    async def one_gives_up():
        first, second = (asyncio.create_task(client_.aget_access_token()) for _ in range(2))
        await until(lambda: requests_to(sandbox))
        await cancelled(first)
        gate.set()
        return await second

    assert awaited(one_gives_up()) == tokens_of(ended)[0]
    assert requests_to(sandbox) == 1


@pytest.mark.long
def test_one_who_is_cancelled_in_the_queue_leaves_the_others_their_place(
    sandbox, ended, user, client_, one_thread, gate
):
    other = age(link_to(sandbox, user, account="account-2"), hours=2)
    sandbox.fail_next("slow", seconds=60)

    async def one_gives_up():
        busy = asyncio.create_task(BufferClient(other).aget_access_token())
        await until(lambda: requests_to(sandbox))
        first, second = (asyncio.create_task(client_.aget_access_token()) for _ in range(2))
        await until(lambda: len(worker._jobs) == 2)
        await cancelled(first)
        gate.set()
        return await second, await busy

    assert awaited(one_gives_up()) == (tokens_of(ended)[0], tokens_of(other)[0])


@pytest.mark.long
def test_who_joins_one_whose_patience_ends_in_the_queue_waits_on(
    sandbox, ended, user, client_, one_thread, settings, gate
):
    other = age(link_to(sandbox, user, account="account-2"), hours=2)
    sandbox.fail_next("slow", seconds=60)
    patient = settings.BUFFER_CONNECT
    impatient = {**patient["TIMING"], "CALL_WAIT": timedelta(seconds=0.1)}

    async def one_gives_up():
        busy = asyncio.create_task(BufferClient(other).aget_access_token())
        await until(lambda: requests_to(sandbox))
        settings.BUFFER_CONNECT = {**patient, "TIMING": impatient}
        with pytest.raises(TokenUnavailable):
            await client_.aget_access_token()
        settings.BUFFER_CONNECT = patient
        joins = asyncio.create_task(client_.aget_access_token())
        # Its first step joins the job.
        await asyncio.sleep(0)
        gate.set()
        return await joins, await busy

    assert awaited(one_gives_up()) == (tokens_of(ended)[0], tokens_of(other)[0])


@pytest.mark.long
def test_who_is_cancelled_during_a_forced_refresh_loses_nothing(sandbox, link, client_, gate):
    refuse(sandbox)
    sandbox.fail_next("slow", seconds=60)

    async def give_up():
        calling = asyncio.create_task(client_.aexecute(QUERY))
        await until(lambda: requests_to(sandbox))
        return await cancelled(calling)

    assert awaited(give_up())
    gate.set()
    wait_for_engine()
    assert (held(link).is_active, held(link).generation, requests_to(sandbox)) == (True, 2, 1)


def test_what_is_cancelled_before_its_turn_is_not_sent(slow_api, client_):
    async def one_too_many():
        calling = asyncio.gather(*(client_.aexecute(QUERY) for _ in range(16)))
        await until(lambda: len(slow_api.requests) == 16)
        late = asyncio.create_task(client_.aexecute(QUERY))
        await until(steps._threads()._work_queue.qsize)
        await cancelled(late)
        slow_api.release.set()
        return await calling

    assert awaited(one_too_many()) == [DATA] * 16
    assert len(slow_api.requests) == 16


@pytest.mark.long
def test_who_waits_longer_than_call_wait_is_told_so(sandbox, ended, client_, settings, gate):
    timing = {"CALL_WAIT": timedelta(seconds=0.05)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    sandbox.fail_next("slow", seconds=60)
    with pytest.raises(TokenUnavailable):
        awaited(client_.aget_access_token())
    gate.set()
    wait_for_engine()
    assert held(ended).generation == 2


def test_no_connection_is_left_open_by_the_engine(ended, client_, opened):
    awaited(client_.aexecute(QUERY))
    wait_for_engine()
    assert len(opened) > 1
    assert [each.connection for each in opened] == [None] * len(opened)


def test_sync_code_may_await_by_way_of_asgiref(sandbox, ended, client_):
    assert async_to_sync(client_.aexecute)(QUERY) == DATA
    assert held(ended).generation == 2


@pytest.mark.django_db
def test_it_works_inside_djangos_test_case(sandbox, ended, client_):
    assert async_to_sync(client_.aexecute)(QUERY) == DATA
    assert held(ended).generation == 2
