"""A link that has ended, or allows too little, in a browser."""

import pytest

from buffer_connect.models import BufferLink
from tests.browser.hands import ACCOUNT, OTHER_ACCOUNT, allow, cards, press, sees, to_buffer
from tests.people import LINKS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GO_ON = "Continue to Buffer"
ALLOW_MORE = "Allow more at Buffer"


@pytest.fixture
def narrow(link):
    """A link that may not write posts."""
    BufferLink.objects.filter(pk=link.pk).update(granted_scopes=["account:read", "posts:read"])
    return link


def test_a_page_with_a_dead_link_leads_to_buffer_and_back_to_itself(page, ended, live_server):
    to_buffer(page, "/posts/", GO_ON)
    allow(page)
    assert sees(page, "Posts of account-1")
    assert page.url == f"{live_server.url}/posts/"
    assert BufferLink.objects.active().get().uid == ended.uid


def test_the_links_page_says_why_and_reconnects(page, ended):
    page.goto("/posts/")
    page.goto(LINKS)
    assert sees(page, "Buffer ended the connection")
    press(page, f"Reconnect {ended}")
    allow(page)
    assert sees(page, f"{ACCOUNT} is connected.")
    assert cards(page) == [ACCOUNT]


def test_a_page_that_needs_more_asks_for_it(page, narrow):
    to_buffer(page, "/writing/", GO_ON)
    allow(page)
    assert sees(page, "A new post")


def test_who_declines_more_keeps_what_there_was(page, narrow):
    to_buffer(page, "/writing/", GO_ON)
    press(page, "Deny")
    sees(page, "You did not allow access at Buffer.")
    page.goto("/posts/")
    assert sees(page, "Posts of account-1")


def test_the_button_of_a_page_comes_back_to_it(page, narrow, live_server):
    to_buffer(page, "/home/", ALLOW_MORE)
    allow(page)
    page.wait_for_url("**/home/")
    assert page.get_by_role("button").count() == 0


def test_another_account_is_put_beside_the_one_that_was_meant(page, ended):
    to_buffer(page, "/posts/", GO_ON)
    allow(page, OTHER_ACCOUNT)
    sees(page, "Posts of account-2")
    page.goto(LINKS)
    assert sees(page, "You chose another Buffer account")
    assert page.locator(".status").all_inner_texts() == ["Ended", "Connected"]
