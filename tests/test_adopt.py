"""Adopting: tokens that a site obtained elsewhere become a link."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import TestCase
from django.utils import timezone

from buffer_connect import signals
from buffer_connect.client import BufferClient
from buffer_connect.flows.clean_up import clean_up
from buffer_connect.models import BufferLink, LinkEvent
from tests.links import age, held, tokens_of

SCOPES = ["account:read", "posts:read", "offline_access"]
QUERY = "query { account { id } }"


@pytest.fixture
def issued(sandbox):
    return sandbox.issue(account="account-1", scopes=SCOPES)


def adopt(owner, issued, **changed):
    given = {
        "user": owner,
        "account_id": "account-1",
        "access_token": issued.access_token,
        "refresh_token": issued.refresh_token,
        "expires_in": issued.expires_in,
        "scopes": SCOPES,
    }
    return BufferLink.objects.adopt(**{**given, **changed})


def test_an_adopted_link_calls_buffer(user, issued):
    link = adopt(user, issued)
    assert BufferClient(link).execute(QUERY) == {"account": {"id": "account-1"}}


def test_adopting_sends_no_request(user, issued, sandbox):
    adopt(user, issued)
    assert sandbox.requests == []


def test_an_adopted_link_is_stored_as_it_was_given(user, issued):
    link = adopt(user, issued)
    assert tokens_of(link) == (issued.access_token, issued.refresh_token)
    assert (link.user, link.account_id, link.granted_scopes) == (user, "account-1", SCOPES)
    assert (link.status, link.generation) == ("active", 1)
    assert timedelta(minutes=59) < held(link).life_left <= timedelta(hours=1)


@pytest.mark.long
def test_an_adopted_link_is_refreshed_when_it_is_due(user, issued):
    link = age(adopt(user, issued), hours=2)
    assert BufferClient(link).get_access_token() != issued.access_token
    assert held(link).generation == 2


def test_an_access_token_that_has_ended_is_refreshed_at_the_first_call(user, issued):
    link = adopt(user, issued, expires_in=-3600)
    assert BufferClient(link).execute(QUERY) == {"account": {"id": "account-1"}}
    assert held(link).generation == 2


def test_without_a_refresh_token_a_link_ends_with_its_access_token(user, issued):
    link = adopt(user, issued, refresh_token=None)
    assert link.refresh_due_at is None
    assert link.refresh_token_digest == ""
    assert link.expires_at is not None


def test_adopting_renews_the_link_that_is_there(person, user, issued):
    person.connect()
    before = BufferLink.objects.get()
    link = adopt(user, issued)
    assert (link.pk, link.account_name) == (before.pk, "Sandbox account 1")
    assert link.epoch != before.epoch
    assert tokens_of(link)[1] == issued.refresh_token


def test_an_ended_link_is_active_again(user, issued):
    link = adopt(user, issued)
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.filter(pk=link.pk).update(status="revoked", reason="expired", **nothing)
    assert adopt(user, issued).is_active


def test_several_users_may_adopt_one_account(user, other_user, issued):
    assert adopt(user, issued).pk != adopt(other_user, issued).pk


def test_the_site_is_told_of_an_adopted_link(user, issued, heard):
    calls = heard(signals.link_connected)
    link = adopt(user, issued)
    event = LinkEvent.objects.get(link=link)
    assert calls == [
        {
            "signal": signals.link_connected,
            "link": link,
            "request": None,
            "created": True,
            "event_id": event.uid,
        }
    ]
    assert event.announced_at is not None


def test_a_renewed_link_is_not_told_as_created(user, issued, sandbox, heard):
    adopt(user, issued)
    calls = heard(signals.link_connected)
    adopt(user, sandbox.issue(account="account-1", scopes=SCOPES))
    assert [call["created"] for call in calls] == [False]


def test_what_a_link_holds_already_leaves_it_as_it_is(user, issued, heard):
    epoch = adopt(user, issued).epoch
    calls = heard(signals.link_connected)
    assert adopt(user, issued).epoch == epoch
    assert calls == []


def test_an_ended_link_comes_back_with_what_it_held(user, issued):
    adopt(user, issued)
    BufferLink.objects.update(status="revoked", refresh_token=None, access_token=None)
    assert adopt(user, issued).is_active


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_the_site_is_told_on_commit(user, issued, heard):
    calls = heard(signals.link_connected)
    with transaction.atomic():
        adopt(user, issued)
        assert calls == []
    assert len(calls) == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_was_never_adopted(user, issued, heard):
    calls = heard(signals.link_connected)
    with transaction.atomic():
        adopt(user, issued)
        transaction.set_rollback(True)
    assert calls == []
    assert not BufferLink.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_signal_that_was_never_sent_is_caught_up(user, issued, heard):
    link = adopt(user, issued)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    link.events.update(announced_at=None, created_at=an_hour_ago)
    calls = heard(signals.link_connected)
    clean_up()
    assert [call["link"] for call in calls] == [link]


class TestOfASite(TestCase):
    """Django's own TestCase, in whose transaction a site's tests run."""

    def setUp(self):
        self.told = []
        self.user = get_user_model().objects.create_user("member")
        signals.link_connected.connect(self.hear)
        self.addCleanup(signals.link_connected.disconnect, self.hear)

    def hear(self, link, **facts):
        self.told.append(link)

    def adopt(self):
        return BufferLink.objects.adopt(
            user=self.user,
            account_id="account-1",
            access_token="an-access-token",
            refresh_token="a-refresh-token",
            expires_in=3600,
            scopes=SCOPES,
        )

    def test_the_signal_goes_out_at_once(self):
        link = self.adopt()
        assert self.told == [link]

    def test_inside_atomic_it_goes_out_with_djangos_own_capture(self):
        with self.captureOnCommitCallbacks(execute=True), transaction.atomic():
            link = self.adopt()
            assert self.told == []
        assert self.told == [link]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"account_id": ""}, "account_id"),
        ({"account_id": 17}, "account_id"),
        ({"account_id": "x" * 256}, "account_id"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": None}, "access_token"),
        ({"access_token": "with\nbreak"}, "access_token"),
        ({"refresh_token": ""}, "refresh_token"),
        ({"refresh_token": "with blank"}, "refresh_token"),
        ({"expires_in": "3600"}, "expires_in"),
        ({"expires_in": True}, "expires_in"),
        ({"expires_in": None}, "expires_in"),
        ({"expires_in": float("nan")}, "expires_in"),
        ({"expires_in": 0, "refresh_token": None}, "expires_in"),
        ({"scopes": "posts:read posts:write"}, "scopes"),
        ({"scopes": ["posts:read posts:write"]}, "scopes"),
        ({"scopes": [None]}, "scopes"),
        ({"user": None}, "user"),
    ],
)
def test_what_cannot_be_a_link_is_refused_by_name(user, issued, wrong, named):
    with pytest.raises(ValueError, match=named) as raised:
        adopt(user, issued, **wrong)
    assert issued.access_token not in str(raised.value)
    assert not BufferLink.objects.exists()


def test_an_unsaved_user_is_refused(user, issued):
    with pytest.raises(ValueError, match="user"):
        adopt(get_user_model()(username="nobody"), issued)


def test_a_life_of_more_than_a_year_counts_as_a_year(user, issued):
    link = adopt(user, issued, expires_in=1e12)
    assert held(link).life_left <= timedelta(days=365)
