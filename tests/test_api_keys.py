"""API keys as links: never refreshed, ended by a 401, replaced in one step."""

import json
import uuid
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.utils import timezone

from buffer_connect import flows, signals
from buffer_connect.client import BufferAuth, BufferClient
from buffer_connect.exceptions import BufferAPIError, LinkRevoked, TokenUnavailable
from buffer_connect.flows.check import check_again
from buffer_connect.flows.refresh import endings
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation, statements
from tests.keys import NEW, OLD, hold, rotate
from tests.links import age, held, key_of, link_to, tokens_of

pytestmark = pytest.mark.django_db

QUERY = "query { account { id } }"
YEARS = {"days": 4000}


@pytest.fixture
def link(sandbox, user):
    return key_of(sandbox, user)


@pytest.fixture
def client_(link):
    return BufferClient(link)


def key_in(link):
    return tokens_of(link)[0]


def standing(link):
    link = held(link)
    return link.status, link.reason


def test_a_key_answers_for_its_user(client_, link):
    assert client_.execute(QUERY) == {"account": {"id": "account-1"}}
    assert client_.get_access_token(timedelta(days=365)) == key_in(link)


def test_a_key_has_no_end_and_nothing_to_refresh_it_with(link):
    row = held(link)
    assert (row.expires_at, row.refresh_due_at, row.refresh_token) == (None, None, None)
    assert (row.kind, row.status, row.granted_scopes) == ("api_key", "active", [])


@pytest.mark.parametrize(
    "columns", [{"expires_at": timezone.now()}, {"refresh_due_at": timezone.now()}]
)
def test_the_database_refuses_a_key_that_could_fall_due(link, columns):
    with pytest.raises(IntegrityError):
        BufferLink.objects.filter(pk=link.pk).update(**columns)


def test_nothing_refreshes_a_key_or_lets_it_lapse(sandbox, link, client_):
    link = age(link, **YEARS)
    flows.sweep()
    assert statements.schedule(pk=link.pk) == 0
    client_.get_access_token(timedelta(days=365))
    assert (standing(link), held(link).generation) == (("active", ""), 1)
    assert sandbox.requests_to("token") == []


@pytest.mark.parametrize("scopes", [[], ["posts:write"], ["a:scope", "of:tomorrow"]])
def test_a_key_may_do_everything(link, user, scopes):
    assert link.has_scopes(*scopes)
    assert list(BufferLink.objects.with_scopes(*scopes)) == [link]
    assert BufferClient.for_user(user, scopes).link == link


def test_a_401_ends_a_key_at_once_and_keeps_it_for_a_check(sandbox, link, client_, heard):
    calls, key = heard(signals.link_revoked), key_in(link)
    sandbox.delete_key(key)
    with pytest.raises(LinkRevoked) as raised:
        client_.execute(QUERY)
    assert raised.value.reason == BufferLink.Reason.UNAUTHORIZED
    assert (standing(link), key_in(link)) == (("revoked", "unauthorized"), key)
    assert [call["reason"] for call in calls] == ["unauthorized"]
    assert len(sandbox.requests_to("api")) == 1


def test_a_401_that_a_site_reports_ends_a_key(client_, link):
    with pytest.raises(LinkRevoked):
        client_.report_unauthorized(key_in(link))
    assert standing(link) == ("revoked", "unauthorized")


def test_a_401_in_a_requests_session_ends_a_key(sandbox, link):
    sandbox.delete_key(key_in(link))
    with pytest.raises(LinkRevoked):
        BufferAuth(link).successor(BufferAuth(link).access_token())


def test_unauthorized_in_a_200_ends_a_key_that_the_account_query_confirms(sandbox, link, client_):
    sandbox.fail_next("graphql_error", 2, on="api", code="UNAUTHORIZED")
    with pytest.raises(LinkRevoked):
        client_.execute(QUERY)
    assert standing(link) == ("revoked", "unauthorized")


@pytest.mark.parametrize("then", [None, "outage", "rate_limit"])
def test_unauthorized_in_a_200_alone_is_the_callers_to_judge(sandbox, link, client_, then):
    sandbox.fail_next("graphql_error", on="api", code="UNAUTHORIZED")
    if then:
        sandbox.fail_next(then, on="api")
    with pytest.raises(BufferAPIError):
        client_.execute(QUERY)
    assert standing(link) == ("active", "")


def test_a_401_of_a_key_that_was_replaced_meanwhile_is_asked_again(sandbox, user, link, client_):
    sandbox.delete_key(key_in(link))

    def replace(execute, sql, params, many, context):
        if "'revoked'" in sql:
            key_of(sandbox, user)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(replace):
        assert client_.execute(QUERY) == {"account": {"id": "account-1"}}
    assert standing(link) == ("active", "")


@pytest.mark.parametrize("columns", [{"epoch": uuid.uuid4()}, {"generation": 2}])
def test_a_refusal_of_another_key_than_the_one_held_ends_nothing(link, columns):
    BufferLink.objects.filter(pk=link.pk).update(**columns)
    assert not endings.unauthorized(link)


def test_a_key_of_another_instance_is_left_alone(link, client_, instance):
    BufferLink.objects.update(instance="production")
    instance("staging")
    with pytest.raises(TokenUnavailable):
        client_.execute(QUERY)
    assert not endings.unauthorized(link)


def test_a_key_that_is_accepted_again_is_active_again(sandbox, link):
    endings.unauthorized(link)
    assert check_again(link).status == "active"
    assert held(link).refresh_due_at is None


def test_a_key_that_is_still_refused_stays_ended(sandbox, link):
    endings.unauthorized(link)
    sandbox.delete_key(key_in(link))
    assert check_again(link).reason == "unauthorized"


def test_another_key_of_the_account_replaces_the_first(sandbox, user, link):
    key, epoch = key_in(link), link.epoch
    again = key_of(sandbox, user)
    assert (again.pk, again.epoch != epoch, key_in(link) != key) == (link.pk, True, True)
    assert list(LinkEvent.objects.values_list("kind", "created")) == [
        ("connected", True),
        ("connected", False),
    ]


def test_a_key_of_another_account_is_a_link_of_its_own(sandbox, user, link):
    assert key_of(sandbox, user, account="account-2").pk != link.pk


def test_a_deleted_key_is_never_sent_to_be_revoked(sandbox, user, link):
    link.delete()
    assert not PendingRevocation.objects.exists()


def test_a_connected_account_is_preferred_to_its_key(sandbox, user, link):
    connected = link_to(sandbox, user)
    assert connected.pk != link.pk
    assert BufferClient.for_user(user).link == connected
    assert BufferClient.for_user(user, account_id="account-1").link == connected


def test_a_key_stands_in_for_scopes_that_were_not_granted(sandbox, user, link):
    link_to(sandbox, user)
    assert BufferClient.for_user(user, ["posts:write"]).link == link


def test_a_key_stands_in_for_a_connection_that_has_ended(sandbox, user, link):
    ended = link_to(sandbox, user)
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.filter(pk=ended.pk).update(status="revoked", reason="expired", **nothing)
    assert BufferClient.for_user(user).link == link


def test_a_key_lives_on_when_the_connection_of_its_account_ends(sandbox, user, link):
    connected = link_to(sandbox, user)
    sandbox.revoke_account("account-1")
    with pytest.raises(LinkRevoked):
        BufferClient(connected).execute(QUERY)
    assert standing(link) == ("active", "")


def test_a_key_is_sealed_anew_with_the_first_encryption_key(sandbox, user, settings):
    hold(settings, OLD)
    link = key_of(sandbox, user)
    key = key_in(link)
    hold(settings, NEW, OLD)
    rotate()
    hold(settings, NEW)
    assert key_in(link) == key


def test_the_status_does_not_count_a_key_among_what_is_refreshed(link, capsys):
    call_command("buffer_status", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["links"]["active"], told["refreshable"]) == (1, 0)
