"""The authorization request."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from buffer_connect.models import AuthorizationRequest
from buffer_connect.models.request import PENDING_PER_USER
from tests.links import held, link_to
from tests.people import CONNECT, Person

pytestmark = pytest.mark.django_db


def asked(address):
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def scopes_asked(address):
    return set(asked(address)["scope"].split())


def test_the_address_is_the_issuers_with_pkce_and_consent(person, sandbox):
    address = person.begin()
    query = asked(address)
    assert address.startswith(f"{sandbox.url}/auth?")
    assert query["code_challenge_method"] == "S256"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", query["state"])
    assert query["redirect_uri"] == "https://testserver/buffer/callback/"
    assert (query["response_type"], query["prompt"]) == ("code", "consent")


def test_only_the_state_hash_is_stored(person):
    state = asked(person.begin())["state"]
    request = AuthorizationRequest.objects.values().get()
    assert len(request["state_hash"]) == 64
    assert state not in str(request)


def test_the_verifier_is_in_no_address_session_or_cookie(person):
    address = person.begin()
    verifier = AuthorizationRequest.objects.get().open_verifier().reveal()
    session = dict(person.client.session.items())
    assert len(verifier) == 86
    assert verifier not in f"{address} {session} {person.client.cookies}"


def test_each_request_has_a_state_and_a_challenge_of_its_own(person):
    first, second = asked(person.begin()), asked(person.begin())
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


def test_scopes_are_those_of_the_settings(person):
    assert scopes_asked(person.begin()) == {
        "account:read",
        "posts:read",
        "posts:write",
        "offline_access",
    }


def test_scope_parameters_take_their_place_beside_those_always_asked(person):
    address = person.begin(scope=["posts:read"])
    assert scopes_asked(address) == {"account:read", "offline_access", "posts:read"}


def test_what_a_link_was_granted_is_asked_again(person, user, sandbox):
    link = link_to(sandbox, user)
    address = person.begin(scope=["posts:write"], link=str(link.uid))
    assert scopes_asked(address) >= {"posts:write", *link.granted_scopes}


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_scope_outside_the_settings_is_refused(person, method):
    response = getattr(person.client, method)(CONNECT, {"scope": ["posts:read", "ideas:write"]})
    assert response.status_code == 400
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("uid", ["", "not-a-uid", "\x00", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_link_is_not_found(person, method, uid):
    response = getattr(person.client, method)(CONNECT, {"link": uid})
    assert response.status_code == (404 if uid else {"get": 200, "post": 302}[method])


@pytest.mark.parametrize("method", ["get", "post"])
def test_somebody_elses_link_is_not_found(person, other_user, sandbox, method):
    link = link_to(sandbox, other_user)
    response = getattr(person.client, method)(CONNECT, {"link": str(link.uid)})
    assert response.status_code == 404


def test_parameters_may_stand_in_the_address_of_the_form(person):
    response = person.client.post(f"{CONNECT}?scope=posts:read&next=/there/")
    assert scopes_asked(response["Location"]) == {"account:read", "offline_access", "posts:read"}
    assert AuthorizationRequest.objects.get().next_url == "/there/"


def test_looking_at_the_page_begins_nothing(person):
    assert person.client.get(CONNECT).status_code == 200
    assert not AuthorizationRequest.objects.exists()


def test_the_button_needs_the_csrf_token(sandbox, user):
    person = Person(sandbox, user, enforce_csrf_checks=True)
    assert person.client.post(CONNECT).status_code == 403
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.parametrize("path", ["/buffer/", "/buffer/connect/?next=/there/"])
def test_who_is_signed_out_signs_in_first(sandbox, db, path):
    response = Client().get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/?next=/buffer/")


def test_a_request_lives_for_ten_minutes(person):
    person.begin()
    request = AuthorizationRequest.objects.get()
    now = held_now(person)
    assert timedelta(minutes=9, seconds=50) < request.expires_at - now <= timedelta(minutes=10)


def held_now(person):
    return held(link_to(person.sandbox, AuthorizationRequest.objects.get().user)).database_now


@pytest.mark.long
def test_the_eleventh_request_drops_the_oldest(person):
    queries = [person.decide(person.begin()) for _ in range(11)]
    assert AuthorizationRequest.objects.count() == 10
    assert person.come_back(queries[0]).status_code == 400
    assert person.come_back(queries[1]).status_code == 303


@pytest.mark.long
def test_a_users_requests_push_out_nobody_elses(person, other_user, sandbox):
    theirs = Person(sandbox, other_user)
    query = theirs.decide(theirs.begin())
    for _ in range(11):
        person.begin()
    assert theirs.come_back(query).status_code == 303


def test_finished_requests_push_out_none(person):
    query = person.decide(person.begin())
    for _ in range(PENDING_PER_USER):
        person.connect()
    assert AuthorizationRequest.objects.pending().count() == 1
    assert person.come_back(query).status_code == 303
