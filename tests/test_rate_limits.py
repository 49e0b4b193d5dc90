"""What a client knows of Buffer's rate limits, and waiting for short ones."""

from datetime import UTC, datetime, timedelta

import pytest

from buffer_connect.client import BufferClient
from buffer_connect.exceptions import BufferUnavailable, RateLimited
from buffer_connect.sandbox import Sandbox
from tests.links import link_to

QUERY = "query { account { id } }"
MUTATION = 'mutation { deletePost(input: {id: "p"}) { ... on DeletePostSuccess { id } } }'
DAY = timedelta(days=1)


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def client_(link):
    return BufferClient(link)


@pytest.fixture
def patient(user, link):
    return BufferClient.for_user(user, wait_for_rate_limit=timedelta(minutes=1))


def test_before_the_first_call_no_limit_is_known(client_):
    assert client_.rate_limits == {}


def test_each_answer_tells_what_is_left_in_each_window(client_):
    client_.execute(QUERY)
    client_.execute(QUERY)
    limits = client_.rate_limits
    assert {name: (each.limit, each.remaining) for name, each in limits.items()} == {
        "15m": (100, 98),
        "24h": (500, 498),
        "30d": (15_000, 14_998),
    }


def test_a_window_ends_at_a_moment_in_utc(client_):
    client_.execute(QUERY)
    resets_at = client_.rate_limits["24h"].resets_at
    assert resets_at.tzinfo is UTC
    assert abs(resets_at - datetime.now(UTC) - DAY) < timedelta(seconds=30)


@pytest.mark.parametrize("form", ["RateLimit", "X-RateLimit"])
def test_the_older_headers_tell_of_one_window(settings, user, sandbox, form):
    with Sandbox(quota_headers=form) as older:
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "API_URL": older.api_url}
        client = BufferClient(link_to(older, user))
        client.execute(QUERY)
    assert [(name, each.remaining) for name, each in client.rate_limits.items()] == [("15m", 99)]


def test_an_answer_that_tells_nothing_leaves_what_is_known(sandbox, client_):
    client_.execute(QUERY)
    sandbox.fail_next("error_before", on="api")
    with pytest.raises(BufferUnavailable):
        client_.execute(QUERY)
    assert client_.rate_limits["15m"].remaining == 99


def test_a_refusal_tells_of_the_limits_too(settings, user, sandbox):
    with Sandbox(quotas={"15m": (900, 1)}, enforce_quotas=True) as tight:
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "API_URL": tight.api_url}
        client = BufferClient(link_to(tight, user))
        client.execute(QUERY)
        with pytest.raises(RateLimited):
            client.execute(QUERY)
    assert client.rate_limits["15m"].remaining == 0


def test_nobody_waits_unasked(sandbox, client_):
    sandbox.fail_next("rate_limit", on="api", retry_after="0.01")
    with pytest.raises(RateLimited):
        client_.execute(QUERY)


def test_a_query_waits_as_often_as_it_is_told(sandbox, patient):
    sandbox.fail_next("rate_limit", 2, on="api", retry_after="0.01")
    assert patient.execute(QUERY) == {"account": {"id": "account-1"}}
    assert len(sandbox.requests_to("api")) == 3


def test_a_client_for_a_link_waits_as_it_is_told(sandbox, link):
    sandbox.fail_next("rate_limit", on="api", retry_after="0.01")
    patient = BufferClient.for_link(link.uid, wait_for_rate_limit=timedelta(minutes=1))
    assert patient.execute(QUERY)


@pytest.mark.parametrize("retry_after", ["3600", ""])
def test_a_limit_that_lasts_too_long_is_told_at_once(sandbox, patient, retry_after):
    sandbox.fail_next("rate_limit", on="api", retry_after=retry_after)
    with pytest.raises(RateLimited):
        patient.execute(QUERY)
    assert len(sandbox.requests_to("api")) == 1


def test_a_limit_that_never_ends_is_told_in_the_end(sandbox, patient):
    sandbox.fail_next("rate_limit", None, on="api", retry_after="0")
    with pytest.raises(RateLimited):
        patient.execute(QUERY)
    assert len(sandbox.requests_to("api")) == 4


def test_a_mutation_never_waits(sandbox, patient):
    sandbox.fail_next("rate_limit", on="api", retry_after="0.01")
    with pytest.raises(RateLimited):
        patient.execute(MUTATION)
    assert len(sandbox.requests_to("api")) == 1
