"""Connecting at an authorization server that is not ours."""

from datetime import timedelta
from html import unescape

import pytest

from buffer_connect.models import BufferLink
from tests.links import held, tokens_of

pytestmark = [pytest.mark.django_db, pytest.mark.long]


def test_both_kinds_of_client_link_an_account(person, client_kind, toolkit):
    response = person.connect(account="account-7")
    link = BufferLink.objects.get()
    assert (response.status_code, response["Location"]) == (303, "/buffer/")
    assert (link.status, link.account_id, link.account_name) == (
        "active",
        "account-7",
        "Toolkit account-7",
    )
    access_token, refresh_token = tokens_of(link)
    assert toolkit.accepts(access_token)
    assert toolkit.is_current(refresh_token)


def test_the_exchange_holds_what_the_client_must_send_and_no_more(person, client_kind, toolkit):
    person.connect()
    (exchange,) = toolkit.requests
    secret = client_kind["CLIENT_SECRET"]
    assert exchange["form"].get("client_secret") == ([secret] if secret else None)
    assert exchange["form"].keys() - {"client_secret"} == {
        "grant_type",
        "code",
        "redirect_uri",
        "client_id",
        "code_verifier",
    }
    assert "Authorization" not in exchange["headers"]


def test_the_life_is_the_one_that_the_server_gave(person):
    person.connect()
    life_left = held(BufferLink.objects.get()).life_left
    assert timedelta(minutes=118) < life_left <= timedelta(hours=2)


def test_the_scopes_are_those_that_were_granted(person):
    # The page offers no choice, so the form is changed as a page with one would.
    person.connect(scope="account:read posts:read offline_access")
    link = BufferLink.objects.get()
    assert link.granted_scopes == ["account:read", "posts:read", "offline_access"]
    assert "You left out:" in person.links_page()


def test_a_callback_that_comes_again_exchanges_nothing(person, toolkit):
    query = person.decide(person.begin())
    first, again = person.come_back(query), person.come_back(query)
    assert (first.status_code, again.status_code) == (303, 303)
    assert len(toolkit.requests) == 1
    assert toolkit.is_current(tokens_of(BufferLink.objects.get())[1])


def test_a_reconnect_leaves_the_old_grant_alone(person, toolkit):
    person.connect()
    _, old = tokens_of(BufferLink.objects.get())
    person.connect()
    _, new = tokens_of(BufferLink.objects.get())
    assert new != old
    assert toolkit.is_current(old)
    assert toolkit.is_current(new)


def test_an_answer_without_iss_is_refused_unless_the_site_allows_it(person, toolkit, change):
    toolkit.change(COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS=False)
    response = person.connect()
    assert response.status_code == 400
    assert b"REQUIRE_ISS" in response.content
    assert (toolkit.requests, BufferLink.objects.count()) == ([], 0)
    change(REQUIRE_ISS=False)
    assert person.connect().status_code == 303
    assert BufferLink.objects.get().is_active


def test_the_iss_of_another_issuer_is_refused_always(person, toolkit, change):
    toolkit.change(OIDC_ISS_ENDPOINT="https://auth.elsewhere.test")
    change(REQUIRE_ISS=False)
    assert person.connect().status_code == 400
    assert toolkit.requests == []


@pytest.mark.parametrize("required", [True, False])
def test_who_says_no_is_sent_back_without_iss(person, change, *, required):
    # django-oauth-toolkit sends it along with a code only (RFC 9207 section 2 wants both).
    change(REQUIRE_ISS=required)
    response = person.connect(allow=False)
    assert response.status_code == (400 if required else 303)
    told = unescape(person.links_page())
    assert ("You did not allow access at Buffer" in told) == (not required)
    assert not BufferLink.objects.exists()
