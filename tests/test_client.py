"""Calling Buffer as a user: what a site's code gets, and what a 401 does."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from buffer_connect import signals
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import (
    AmbiguousLink,
    BufferAPIError,
    BufferUnavailable,
    LinkRevoked,
    MissingScope,
    NotLinked,
    RateLimited,
    TokenUnavailable,
)
from buffer_connect.models import BufferLink
from tests.links import age, held, link_to

QUERY = "query { account { id } }"


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def client_(link):
    return BufferClient(link)


def test_a_query_returns_its_data(client_):
    assert client_.execute(QUERY) == {"account": {"id": "account-1"}}


def test_variables_are_sent_beside_the_query(sandbox, client_):
    query = "query ($with: Boolean!) { account { id name @include(if: $with) } }"
    assert client_.execute(query, {"with": False}) == {"account": {"id": "account-1"}}


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("oauth_error", {"error": "ignored", "status": 401}),
        ("graphql_error", {"code": "UNAUTHENTICATED", "status": 401}),
        ("graphql_error", {"code": "UNAUTHORIZED", "status": 200}),
        ("graphql_error", {"code": "UNAUTHENTICATED", "status": 200}),
    ],
)
def test_a_refused_token_is_refreshed_and_the_call_repeated(sandbox, link, client_, fault, options):
    sandbox.fail_next(fault, on="api", **options)
    assert client_.execute(QUERY) == {"account": {"id": "account-1"}}
    assert held(link).generation == 2


def test_a_link_that_was_removed_at_buffer_ends_with_the_first_call(sandbox, link, client_):
    sandbox.revoke_account("account-1")
    with pytest.raises(LinkRevoked) as raised:
        client_.execute(QUERY)
    assert raised.value.reason == held(link).reason == BufferLink.Reason.REVOKED_AT_BUFFER


def test_a_401_that_survives_a_forced_refresh_ends_the_link(sandbox, link, client_):
    sandbox.fail_next("graphql_error", 2, on="api", code="UNAUTHENTICATED", status=401)
    with pytest.raises(LinkRevoked):
        client_.execute(QUERY)
    row = held(link)
    assert (row.status, row.reason) == ("revoked", "unauthorized")
    assert row.refresh_token is not None


def test_a_200_that_says_unauthorized_twice_is_the_callers_to_judge(sandbox, link, client_):
    sandbox.fail_next("graphql_error", 2, on="api", code="UNAUTHORIZED", status=200)
    with pytest.raises(BufferAPIError):
        client_.execute(QUERY)
    assert held(link).is_active


def test_one_forced_refresh_a_minute_is_enough(sandbox, link, client_):
    BufferLink.objects.update(forced_at=timezone.now() - timedelta(seconds=30))
    sandbox.fail_next("graphql_error", on="api", code="UNAUTHORIZED", status=200)
    with pytest.raises(BufferAPIError):
        client_.execute(QUERY)
    assert len(sandbox.requests_to("token")) == 0


def test_a_401_while_a_refresh_is_out_ends_nothing(sandbox, link, client_):
    now = timezone.now()
    BufferLink.objects.update(forced_at=now, sent_generation=1, sent_at=now, sent_count=1)
    sandbox.fail_next("graphql_error", on="api", code="UNAUTHENTICATED", status=401)
    with pytest.raises(TokenUnavailable):
        client_.execute(QUERY)
    assert held(link).is_active


def test_a_forced_refresh_that_finds_no_server_ends_nothing(sandbox, link, client_):
    sandbox.fail_next("graphql_error", on="api", code="UNAUTHENTICATED", status=401)
    sandbox.fail_next("error_before", status=503)
    with pytest.raises(TokenUnavailable):
        client_.execute(QUERY)
    assert held(link).is_active


def test_a_rejected_token_is_not_handed_out_again(sandbox, link, client_):
    sandbox.fail_next("graphql_error", on="api", code="UNAUTHENTICATED", status=401)
    sandbox.fail_next("rate_limit", retry_after="60")
    with pytest.raises(TokenUnavailable):
        client_.execute(QUERY)
    with pytest.raises(TokenUnavailable):
        client_.get_access_token()


def test_a_401_ends_a_link_that_has_nothing_to_refresh_with(sandbox, user):
    link = link_to(sandbox, user, account="account-2", refreshable=False)
    sandbox.revoke_account("account-2")
    with pytest.raises(LinkRevoked):
        BufferClient(link).execute(QUERY)
    assert held(link).reason == BufferLink.Reason.REVOKED_AT_BUFFER


def test_a_rate_limit_says_how_long_to_wait(sandbox, client_):
    sandbox.fail_next("rate_limit", on="api", retry_after="17", window="24h")
    with pytest.raises(RateLimited) as raised:
        client_.execute(QUERY)
    assert (raised.value.retry_after, raised.value.window) == (17, "24h")


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("lose_answer", {}),
        ("error_after", {"status": 502}),
        ("html", {"status": 200}),
        ("cut", {"size": 12}),
    ],
)
def test_nothing_is_repeated_when_the_answer_is_lost(sandbox, client_, fault, options):
    sandbox.fail_next(fault, on="api", **options)
    with pytest.raises(BufferUnavailable):
        client_.execute(QUERY)
    assert len(sandbox.requests_to("api")) == 1


def test_errors_of_the_api_come_with_what_there_is(client_):
    with pytest.raises(BufferAPIError) as raised:
        client_.execute("query { nonsense }")
    assert raised.value.errors


def test_the_token_goes_to_the_api_in_the_header_only(sandbox, client_):
    client_.execute(QUERY)
    token, request = client_.get_access_token(), sandbox.requests_to("api")[0]
    assert request.headers["Authorization"] == f"Bearer {token}"
    assert token not in request.path + request.query + request.body.decode()


def test_use_is_noted_once_a_day(link, client_):
    client_.execute(QUERY)
    noted = held(link).last_used_at
    client_.execute(QUERY)
    assert noted is not None
    assert held(link).last_used_at == noted


def test_a_user_without_a_link_is_not_linked(user):
    with pytest.raises(NotLinked):
        BufferClient.for_user(user)


def test_who_is_not_signed_in_is_not_linked(link):
    with pytest.raises(NotLinked):
        BufferClient.for_user(AnonymousUser())


def test_the_link_with_the_scopes_is_taken(link, user):
    assert BufferClient.for_user(user, scopes=["posts:read"]).link == link


def test_scopes_that_are_one_str_are_refused(user):
    with pytest.raises(TypeError, match="list of str"):
        BufferClient.for_user(user, scopes="posts:read")


def test_missing_scopes_are_named(link, user):
    with pytest.raises(MissingScope) as raised:
        BufferClient.for_user(user, scopes=["posts:read", "posts:write"])
    assert (raised.value.link, raised.value.scopes) == (link, ("posts:write",))


def test_several_accounts_are_told_apart_by_their_id(sandbox, link, user):
    other = link_to(sandbox, user, account="account-2")
    assert BufferClient.for_user(user, account_id="account-2").link == other
    with pytest.raises(AmbiguousLink) as raised:
        BufferClient.for_user(user)
    assert raised.value.links == [link, other]


def test_only_ended_links_raise_the_newest_reason(sandbox, link, user):
    age(link, hours=2)
    sandbox.revoke_account("account-1")
    with pytest.raises(LinkRevoked):
        BufferClient(link).get_access_token()
    with pytest.raises(LinkRevoked) as raised:
        BufferClient.for_user(user)
    assert raised.value.link == link


def test_the_site_is_told_once_when_a_link_ends(sandbox, link, client_, heard):
    calls = heard(signals.link_revoked)
    sandbox.revoke_account("account-1")
    with pytest.raises(LinkRevoked):
        client_.execute(QUERY)
    assert [call["reason"] for call in calls] == ["revoked_at_buffer"]
    assert calls[0]["event_id"] == link.events.get(kind="revoked").uid
