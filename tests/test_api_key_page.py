"""The page that takes an API key."""

from html import unescape
from urllib.parse import urlencode

import pytest
from django.test.client import MULTIPART_CONTENT
from django.urls import reverse

from buffer_connect import signals
from buffer_connect.models import BufferLink
from tests.links import held, key_of, tokens_of
from tests.people import API_KEY, LINKS, Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def allowed(sandbox, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ALLOW_API_KEYS": True}


@pytest.fixture
def person(allowed, person):
    return person


@pytest.fixture
def key(sandbox):
    return sandbox.issue_key("account-1")


def page_of(response):
    return response.content.decode()


@pytest.mark.parametrize("who", ["user", None])
def test_it_is_not_found_while_the_setting_is_off(sandbox, request, key, who):
    person = Person(sandbox, who and request.getfixturevalue(who))
    assert person.client.get(API_KEY).status_code == 404
    assert person.paste(key).status_code == 404


def test_while_developing_the_setting_is_named_that_is_off(settings, client):
    settings.DEBUG = True
    assert "ALLOW_API_KEYS" in unescape(page_of(client.get(API_KEY)))


def test_a_sites_own_page_does_not_name_it(settings, client, tmp_path):
    (tmp_path / "404.html").write_text("{{ exception }}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert page_of(client.get(API_KEY)) == ""


def test_who_is_not_signed_in_is_led_to_the_login_page(allowed, sandbox, key):
    response = Person(sandbox).paste(key)
    assert response.status_code == 302
    assert key not in response["Location"]
    assert sandbox.requests == []


def test_it_warns_and_leads_to_connect(person):
    page = page_of(person.client.get(API_KEY))
    assert "as good as your password" in page
    assert 'href="/buffer/connect/"' in page


def test_a_key_that_buffer_accepts_is_a_link(person, user, key):
    response = person.paste(key)
    link = BufferLink.objects.get()
    assert (response.status_code, response["Location"]) == (303, LINKS)
    assert (link.user, link.kind, link.status) == (user, "api_key", "active")
    assert (link.account_id, link.account_name) == ("account-1", "Sandbox account 1")
    assert tokens_of(link) == (key, None)
    assert "Sandbox account 1 is connected." in person.links_page()


def test_blanks_around_a_key_are_left_out(person, key):
    person.paste(f"  {key}\n")
    assert tokens_of(BufferLink.objects.get()) == (key, None)


def test_a_second_key_of_the_account_replaces_the_first(person, sandbox, key):
    person.paste(sandbox.issue_key("account-1"))
    person.paste(key)
    assert tokens_of(BufferLink.objects.get()) == (key, None)


def test_the_site_is_told_with_the_request(person, key, heard):
    calls = heard(signals.link_connected)
    person.paste(key)
    person.paste(key)
    assert [call["created"] for call in calls] == [True, False]
    assert calls[0]["request"].path == API_KEY


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "options", "told"),
    [
        ("graphql_error", {"code": "UNAUTHENTICATED", "status": 401}, "does not accept this key"),
        ("graphql_error", {"code": "UNAUTHORIZED"}, "does not accept this key"),
        ("graphql_error", {"code": "FORBIDDEN"}, "did not say which account"),
        ("rate_limit", {}, "did not say whether"),
        ("outage", {}, "did not say whether"),
        ("html", {}, "did not say whether"),
    ],
)
def test_what_buffer_does_not_confirm_is_not_stored(person, sandbox, key, fault, options, told):
    sandbox.fail_next(fault, on="api", **options)
    response = person.paste(key)
    assert told in page_of(response)
    assert key not in page_of(response)
    assert not BufferLink.objects.exists()


@pytest.mark.parametrize("text", ["", "two words", "ключ", "x" * 4097])
def test_what_can_be_no_key_is_never_sent(person, sandbox, text):
    response = person.paste(text)
    assert (response.status_code, "errorlist" in page_of(response)) == (200, True)
    assert sandbox.requests_to("api") == []


def test_the_page_is_never_kept(person, key):
    for response in (person.client.get(API_KEY), person.paste(key)):
        assert "no-store" in response["Cache-Control"]


def test_a_form_of_another_site_is_refused(allowed, sandbox, user, key):
    person = Person(sandbox, user, enforce_csrf_checks=True)
    assert person.paste(key).status_code == 403
    assert not BufferLink.objects.exists()


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("text", ["no key", "a-key"])
@pytest.mark.parametrize("kind", [MULTIPART_CONTENT, FORM])
def test_nothing_that_runs_later_sees_what_was_sent(person, text, kind):
    sent = urlencode({"key": text}) if kind == FORM else {"key": text}
    request = person.client.post(API_KEY, sent, content_type=kind).wsgi_request
    assert (dict(request.POST), request.body, request.read()) == ({}, b"", b"")


def test_the_links_page_leads_there(person):
    assert f'href="{API_KEY}"' in person.links_page()


def test_the_links_page_leads_there_only_where_it_is_allowed(sandbox, user):
    key_of(sandbox, user)
    assert API_KEY not in Person(sandbox, user).links_page()


def test_a_card_shows_what_a_key_is_and_may(person, key):
    person.paste(key)
    page = person.links_page()
    assert "<dd>API key</dd>" in page
    assert "do everything in the account" in page
    assert "Replace the key of Sandbox account 1" in page
    assert "ends by itself" not in page


def test_a_refused_key_can_be_checked_again_or_replaced(person, sandbox, key):
    person.paste(key)
    BufferLink.objects.update(status="revoked", reason="unauthorized")
    page = person.links_page()
    assert "If it has not, replace the key." in page
    assert "Replace the key of Sandbox account 1" in page
    assert "Reconnect Sandbox account 1" not in page


def test_a_key_that_is_still_refused_is_to_be_replaced(person, sandbox, key):
    person.paste(key)
    BufferLink.objects.update(status="revoked", reason="unauthorized")
    sandbox.delete_key(key)
    person.client.post(f"{LINKS}{BufferLink.objects.get().uid}/check/")
    page = person.links_page()
    assert "does not accept the API key of Sandbox account 1" in page
    assert "econnect it" not in page


def test_a_key_of_another_copy_of_the_site_is_replaced_too(person, key, instance):
    instance("production")
    person.paste(key)
    instance("staging")
    assert "To use the account here, replace the key." in person.links_page()
    person.paste(key)
    assert "another copy" not in person.links_page()


def test_a_stored_key_leads_on_to_the_page_that_asked(person, key):
    page = page_of(person.client.get(f"{API_KEY}?next=/posts/"))
    assert '<input type="hidden" name="next" value="/posts/">' in page
    response = person.client.post(API_KEY, {"key": key, "next": "/posts/"})
    assert response["Location"] == "/posts/"
    assert "is connected" not in person.links_page()


def test_a_key_leads_to_no_other_site(person, key):
    response = person.client.post(API_KEY, {"key": key, "next": "https://evil.example/"})
    assert response["Location"] == LINKS


def test_a_refused_key_can_be_reconnected_where_keys_are_not_taken(sandbox, user):
    link = key_of(sandbox, user)
    BufferLink.objects.update(status="revoked", reason="unauthorized")
    assert f"Reconnect {link}" in Person(sandbox, user).links_page()


def test_a_refused_key_gives_way_to_a_connect(person, sandbox, key):
    person.paste(key)
    BufferLink.objects.update(status="revoked", reason="unauthorized")
    person.connect(fields={"link": BufferLink.objects.get().uid})
    kinds = BufferLink.objects.order_by("pk").values_list("kind", "status")
    assert list(kinds) == [("api_key", "revoked"), ("oauth", "active")]


def test_disconnecting_says_that_the_key_still_works(person, sandbox, key):
    person.paste(key)
    link = BufferLink.objects.get()
    address = reverse("buffer_connect:disconnect", args=[link.uid])
    assert "The key itself still works" in page_of(person.client.get(address))
    person.client.post(address)
    assert "delete it in your settings at Buffer" in person.links_page()
    assert (held(link).status, held(link).access_token) == ("disconnected", None)
    assert sandbox.accepts(key)
