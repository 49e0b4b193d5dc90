"""axe-core finds nothing on the pages, at any width and in both colour schemes."""

import pytest

from buffer_connect.models import BufferLink
from tests.browser.looks import faults
from tests.links import link_to
from tests.people import API_KEY, CALLBACK, CONNECT, LINKS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDE_NAME = "an_account_with_a_very_long_name_and_no_place_to_break_it@example.com"


@pytest.fixture
def links(page, buffer, user, ended):
    """An ended link, a healthy one and one that ends by itself."""
    page.goto("/posts/")
    link_to(buffer, user, account="account-2")
    link_to(buffer, user, account="account-3", refreshable=False)
    BufferLink.objects.update(
        account_name=WIDE_NAME,
        account_email="member@example.com",
        organizations=[{"id": "1", "name": "An organization"}],
    )


@pytest.mark.parametrize(
    "path",
    [LINKS, CONNECT, f"{CALLBACK}?state=x", "/posts/", "/home/", "/prompted/"],
    ids=["links", "connect", "problem", "prompt", "button", "fragment"],
)
def test_before_connecting(page, path):
    page.goto(path)
    assert faults(page) == []


def test_the_links_page_with_links_of_all_kinds(page, links):
    page.goto(LINKS)
    assert page.locator(".card").count() == 3
    assert faults(page) == []


def test_a_page_with_the_banner_and_the_accounts(page, links):
    page.goto("/accounts/")
    page.get_by_role("region", name="Buffer account").wait_for()
    page.get_by_text("this connection ends by itself").wait_for()
    assert faults(page) == []


def test_the_links_page_with_a_notice(page, buffer):
    page.goto(LINKS)
    page.get_by_role("button").click()
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("status").wait_for()
    assert faults(page) == []


def test_the_form_for_an_api_key_with_an_error(page, keys_allowed):
    page.goto(API_KEY)
    page.get_by_label("API key").fill("no-key-of-buffers")
    page.get_by_role("button").click()
    page.get_by_text("Buffer does not accept this key").wait_for()
    assert faults(page) == []


def test_the_prompt_of_a_dead_link(page, ended):
    page.goto("/posts/")
    assert page.url.count(CONNECT) == 1
    assert faults(page) == []


def test_the_question_which_account_is_meant(page, links):
    assert page.goto("/posts/").status == 409
    assert faults(page) == []
