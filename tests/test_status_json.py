"""`status.json`: the user's links for a script."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from buffer_connect import wording
from buffer_connect.models import BufferLink
from tests.links import key_of, link_to, tokens_of

pytestmark = pytest.mark.django_db

STATUS = "/buffer/status.json"
SITE = "http://testserver"
WHEN = datetime(2026, 11, 22, 12, tzinfo=UTC)
PAGE = f"{SITE}/posts/"
NO_TOKENS = {"refresh_token": None, "access_token": None}


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def status(person):
    """What the script of a signed-in user gets."""

    def status(**headers):
        return person.client.get(STATUS, headers=headers).json()

    return status


def change(link, **columns):
    BufferLink.objects.filter(pk=link.pk).update(**columns)


def test_it_has_an_address_of_its_own():
    assert reverse("buffer_connect:status") == STATUS


def test_without_a_link_it_says_where_to_connect(status):
    assert status() == {"links": [], "connect_url": f"{SITE}/buffer/connect/"}


def test_an_active_link_is_told_without_ways_that_it_does_not_need(status, link):
    change(link, account_name="A name", expires_at=WHEN, last_refreshed_at=WHEN)
    assert status()["links"] == [
        {
            "uid": str(link.uid),
            "account": "A name",
            "kind": "oauth",
            "status": "active",
            "reason": None,
            "detail": None,
            "granted_scopes": ["account:read", "posts:read", "offline_access"],
            "expires_at": "2026-11-22T12:00:00Z",
            "last_refreshed_at": "2026-11-22T12:00:00Z",
            "connect_url": None,
            "replace_key_url": None,
            "check_url": None,
            "disconnect_url": f"{SITE}/buffer/{link.uid}/disconnect/",
        }
    ]


def test_an_ended_link_says_why_and_where_to_reconnect(status, link):
    change(link, status="revoked", reason="answer_lost", **NO_TOKENS)
    (told,) = status()["links"]
    assert (told["status"], told["reason"]) == ("revoked", "answer_lost")
    assert told["detail"] == str(wording.REASONS["answer_lost"])
    assert told["connect_url"] == f"{SITE}/buffer/connect/?link={link.uid}"
    assert told["check_url"] is None


def test_one_that_the_api_refused_can_be_checked(status, link):
    change(link, status="revoked", reason="unauthorized")
    assert status()["links"][0]["check_url"] == f"{SITE}/buffer/{link.uid}/check/"


@pytest.fixture
def key(sandbox, user, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ALLOW_API_KEYS": True}
    return key_of(sandbox, user)


@pytest.mark.parametrize(
    "changed", [{}, {"status": "revoked", "reason": "unauthorized"}], ids=["active", "ended"]
)
def test_a_key_can_be_replaced_instead_of_reconnected(status, key, changed):
    change(key, **changed)
    (told,) = status(Referer=PAGE)["links"]
    back = "?next=http%3A%2F%2Ftestserver%2Fposts%2F"
    assert told["replace_key_url"] == f"{SITE}/buffer/api-key/{back}"
    assert told["connect_url"] is None


def test_where_no_keys_are_taken_an_ended_one_leads_to_connect(status, sandbox, user):
    key = key_of(sandbox, user)
    change(key, status="revoked", reason="unauthorized")
    (told,) = status()["links"]
    assert told["connect_url"] == f"{SITE}/buffer/connect/?link={key.uid}"
    assert told["replace_key_url"] is None


def test_one_that_ends_by_itself_can_be_reconnected(status, sandbox, user):
    link_to(sandbox, user, refreshable=False)
    assert status()["links"][0]["connect_url"]


def test_one_of_another_instance_can_only_be_reconnected(status, link, instance):
    change(link, instance="production")
    instance("staging")
    (told,) = status()["links"]
    assert told["connect_url"]
    assert (told["check_url"], told["disconnect_url"]) == (None, None)


def test_its_addresses_lead_back_to_the_page_that_asked(status):
    assert status(Referer=PAGE)["connect_url"].endswith("?next=http%3A%2F%2Ftestserver%2Fposts%2F")


def test_a_disconnected_link_is_not_told(status, link):
    change(link, status="disconnected", **NO_TOKENS)
    assert status()["links"] == []


def test_nobody_elses_link_is_told(status, sandbox, other_user):
    link_to(sandbox, other_user)
    assert status()["links"] == []


def test_no_secret_is_told(person, link):
    told = person.client.get(STATUS).content.decode()
    secrets = [*tokens_of(link), link.refresh_token_digest, link.account_key]
    assert [secret for secret in secrets if secret in told] == []


def test_no_cache_keeps_it(person):
    assert "no-store" in person.client.get(STATUS)["Cache-Control"]


def test_it_changes_nothing(person):
    assert person.client.post(STATUS).status_code == 405


@pytest.mark.parametrize("links", [1, 5])
def test_it_takes_as_many_queries_for_many_links(
    person, sandbox, user, links, django_assert_num_queries
):
    for number in range(links):
        link_to(sandbox, user, account=f"account-{number}")
    # The session, the user, the links.
    with django_assert_num_queries(3):
        person.client.get(STATUS)


@pytest.mark.parametrize(
    "middleware", [[], ["django.contrib.auth.middleware.LoginRequiredMiddleware"]]
)
def test_who_is_not_signed_in_is_told_where_to_do_so(db, settings, middleware):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *middleware]
    response = Client().get(STATUS)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'BufferConnect realm="Buffer"'
    assert response.json() == {
        "error": "not_signed_in",
        "detail": "You are not signed in here.",
        "login_url": f"{SITE}/admin/login/",
    }


def test_the_login_page_leads_back_to_the_page_that_asked(db):
    login = Client().get(STATUS, headers={"Referer": PAGE}).json()["login_url"]
    assert login == f"{SITE}/admin/login/?next=http%3A//testserver/posts/"
