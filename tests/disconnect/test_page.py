"""The page that asks and the button that does it."""

import re
import uuid
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.utils.translation import override

from buffer_connect.models import BufferLink
from tests.links import held, link_to
from tests.people import LINKS, Person
from tests.test_pages import Outline, dashes

pytestmark = pytest.mark.django_db


def page_of(link):
    return f"{LINKS}{link.uid}/disconnect/"


@pytest.fixture
def link(person):
    person.connect()
    person.links_page()
    return BufferLink.objects.get()


def ended(link):
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.update(status="revoked", reason="expired", **nothing)
    return link


def test_asking_changes_nothing(person, link):
    response = person.client.get(page_of(link))
    assert response.status_code == 200
    assert "Disconnect Sandbox account 1?" in response.content.decode()
    assert held(link).is_active


def test_the_button_disconnects_and_leads_to_the_links(person, sandbox, link):
    response = person.client.post(page_of(link))
    assert (response.status_code, response["Location"]) == (303, LINKS)
    assert held(link).status == BufferLink.Status.DISCONNECTED
    assert sandbox.grants[0].revoked
    page = person.links_page()
    assert "Sandbox account 1 is disconnected, and Buffer has withdrawn its permission." in page
    assert "No Buffer account is connected yet." in page


def test_a_buffer_that_is_away_is_said_so(person, sandbox, link):
    sandbox.fail_next("outage", on="revocation")
    person.client.post(page_of(link))
    assert "Buffer has not confirmed that yet" in person.links_page()


def test_an_ended_link_can_be_removed(person, link):
    ended(link)
    page = person.client.get(page_of(link)).content.decode()
    assert "Remove Sandbox account 1?" in page
    person.client.post(page_of(link))
    assert "Sandbox account 1 is disconnected here." in person.links_page()


def test_the_links_page_offers_it_for_every_link(person, link):
    assert f'href="{page_of(link)}">Disconnect Sandbox account 1<' in person.links_page()
    assert f'href="{page_of(ended(link))}">Remove Sandbox account 1<' in person.links_page()


def test_a_second_submit_is_harmless(person, sandbox, link):
    person.client.post(page_of(link))
    assert person.client.post(page_of(link)).status_code == 303
    assert len(sandbox.requests_to("revocation")) == 1
    assert person.links_page().count('role="status"') == 1


def test_the_way_back_to_the_page_leads_to_the_links(person, link):
    person.client.post(page_of(link))
    response = person.client.get(page_of(link))
    assert (response.status_code, response["Location"]) == (303, LINKS)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_link_of_somebody_else_is_not_found(sandbox, link, other_user, method):
    client = Person(sandbox, other_user).client
    assert getattr(client, method)(page_of(link)).status_code == 404
    assert held(link).is_active


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_superuser_is_somebody_else_too(link, admin_client, method):
    assert getattr(admin_client, method)(page_of(link)).status_code == 404
    assert held(link).is_active


def test_a_link_that_is_unknown_is_not_found(person):
    assert person.client.post(f"{LINKS}{uuid.uuid4()}/disconnect/").status_code == 404


@pytest.mark.long
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_is_not_signed_in_signs_in_first(sandbox, link, method):
    response = getattr(Client(), method)(page_of(link))
    assert response.status_code == 302
    assert "login" in response["Location"]
    assert held(link).is_active


def test_a_post_without_the_csrf_token_is_refused(sandbox, link, user):
    person = Person(sandbox, user, enforce_csrf_checks=True)
    assert person.client.post(page_of(link)).status_code == 403
    assert held(link).is_active


@pytest.mark.long
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_is_kept_or_framed(person, link, method):
    response = getattr(person.client, method)(page_of(link))
    assert "no-store" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db(transaction=True)
def test_the_link_ends_outside_of_the_requests_transaction(person, link, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    person.client.post(page_of(link))
    assert "Buffer has withdrawn its permission" in person.links_page()


def test_a_sibling_of_another_user_is_not_given_away(person, sandbox, link, other_user):
    link_to(sandbox, other_user)
    before = person.client.get(page_of(link)).content
    BufferLink.objects.filter(user=other_user).delete()
    strip = [line for line in before.splitlines() if b"csrfmiddlewaretoken" not in line]
    after = person.client.get(page_of(link)).content.splitlines()
    assert [line for line in after if b"csrfmiddlewaretoken" not in line] == strip


@pytest.mark.parametrize("prepare", [lambda link: link, ended], ids=["active", "ended"])
def test_the_page_has_its_landmarks_and_no_script(person, link, prepare):
    prepare(link)
    page = Outline(person.client.get(page_of(link)).content.decode())
    assert page.named("html")[0][1]["lang"] == "en-us"
    assert len(page.named("main")) == len(page.named("title")) == len(page.named("h1")) == 1
    assert page.named("script", "style", "iframe") == []
    assert not [tag for tag in page.tags if "style" in tag[1] or "onclick" in tag[1]]


@pytest.mark.long
@pytest.mark.parametrize("prepare", [lambda link: link, ended], ids=["active", "ended"])
def test_every_text_can_be_translated(person, link, prepare):
    prepare(link)
    with mock.patch("django.utils.translation._trans.gettext", dashes), override("en"):
        page = person.client.get(page_of(link)).content.decode()
    main = re.sub(r"<[^>]*>|&[^;]*;", " ", page.partition("<main>")[2])
    assert set(re.findall(r"[A-Za-z]{4,}", main)) <= {"Sandbox", "account"}
