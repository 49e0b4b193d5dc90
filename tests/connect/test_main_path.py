"""The main path: begin, decide, come back, linked."""

from datetime import timedelta
from unittest.mock import create_autospec
from urllib.parse import parse_qs, urlsplit

import pytest

from buffer_connect import signals
from buffer_connect.models import AuthorizationRequest, BufferLink, LinkEvent
from tests.links import held, tokens_of

pytestmark = pytest.mark.django_db


def test_a_person_links_an_account(person, user):
    response = person.connect()
    link = BufferLink.objects.get(user=user)
    assert (response.status_code, response["Location"]) == (303, "/buffer/")
    assert (link.status, link.account_id) == ("active", "account-1")


def test_the_profile_comes_with_the_link(person):
    person.connect(account="account-2")
    link = BufferLink.objects.get()
    assert (link.account_name, link.account_email) == (
        "Sandbox account 2",
        "account-2@sandbox.invalid",
    )
    assert [organization["id"] for organization in link.organizations] != []


def test_the_link_holds_what_buffer_issued(person, sandbox):
    person.connect()
    grant = sandbox.grants[0]
    access_token, refresh_token = tokens_of(BufferLink.objects.get())
    assert sandbox.accepts(access_token)
    assert refresh_token == grant.current_refresh_token


def test_the_link_is_due_before_its_token_ends(person):
    person.connect()
    link = held(BufferLink.objects.get())
    assert timedelta(minutes=55) < link.life_left <= timedelta(hours=1)
    assert link.database_now < link.refresh_due_at < link.expires_at


def test_a_confidential_client_sends_its_secret_in_the_body_only(person, sandbox):
    person.connect()
    (exchange,) = sandbox.requests_to("token")
    assert exchange.form["client_secret"] == ["tests-client-secret"]
    assert "Authorization" not in exchange.headers


def test_a_public_client_sends_no_secret(public_person):
    public_person.connect()
    (exchange,) = public_person.sandbox.requests_to("token")
    assert BufferLink.objects.get().is_active
    assert set(exchange.form) == {
        "grant_type",
        "code",
        "redirect_uri",
        "client_id",
        "code_verifier",
    }
    assert "Authorization" not in exchange.headers


def test_the_exchange_sends_the_redirect_uri_that_was_asked_with(person, sandbox, change):
    change(REDIRECT_URI=None)
    address = person.begin()
    person.come_back(person.decide(address), headers={"Host": "localhost"})
    (exchange,) = sandbox.requests_to("token")
    (asked,) = parse_qs(urlsplit(address).query)["redirect_uri"]
    assert exchange.form["redirect_uri"] == [asked] == ["http://testserver/buffer/callback/"]


def test_link_connected_is_sent_once_with_the_request(person):
    receiver = create_autospec(lambda sender, **facts: None)
    signals.link_connected.connect(receiver)
    person.connect()
    signals.link_connected.disconnect(receiver)
    (call,) = receiver.call_args_list
    assert call.kwargs["created"] is True
    assert call.kwargs["link"] == BufferLink.objects.get()
    assert call.kwargs["request"].path == "/buffer/callback/"
    assert call.kwargs["event_id"] == LinkEvent.objects.get().uid


def test_the_event_is_noted_as_announced(person):
    person.connect()
    event = LinkEvent.objects.get()
    assert (event.kind, event.created, event.generation) == ("connected", True, 1)
    assert event.announced_at is not None


def test_the_request_ends_without_its_verifier(person):
    person.connect()
    request = AuthorizationRequest.objects.get()
    assert (request.outcome, request.verifier) == ("linked", None)


def test_several_users_link_one_account(person, other_user, sandbox):
    person.connect()
    type(person)(sandbox, other_user).connect()
    assert BufferLink.objects.active().filter(account_id="account-1").count() == 2


def test_a_user_links_several_accounts(person, user):
    person.connect()
    person.connect(account="account-2")
    assert BufferLink.objects.for_user(user).active().count() == 2


def test_tabs_finish_in_any_order(person, user):
    first, second = (
        person.decide(person.begin()),
        person.decide(person.begin(), account="account-2"),
    )
    person.come_back(second)
    person.come_back(first)
    assert BufferLink.objects.for_user(user).active().count() == 2
