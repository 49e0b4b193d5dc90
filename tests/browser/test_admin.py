"""The admin's window on links, in a browser and under the policy."""

import pytest
from django.urls import reverse

from buffer_connect.models import BufferLink
from tests.browser.hands import press, sees
from tests.browser.looks import faults

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/buffer_connect/bufferlink/"


# Around it is Django's own.
CONTENT = "#content"


@pytest.fixture
def user(admin_user):
    """Who is signed in here is staff."""
    return admin_user


def act(page, action):
    """Choose every link of the list, and an action."""
    page.goto(LIST)
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label=action)
    page.locator("button[name=index]").click()


def test_the_list_leads_to_a_link(page, link):
    page.goto(LIST)
    page.get_by_role("link", name=str(link), exact=True).click()
    page.wait_for_url(f"**{reverse('admin:buffer_connect_bufferlink_change', args=[link.pk])}**")
    assert sees(page, "Last refreshed")


def test_the_list_can_be_searched_and_filtered(page, link):
    page.goto(LIST)
    page.locator("#searchbar").fill("nobody")
    page.get_by_role("button", name="Search").click()
    assert sees(page, "0 results")


def test_refresh_now_says_when(page, link):
    act(page, "Refresh now")
    assert sees(page, "1 link will be refreshed by the next sweep.")


def test_disconnect_asks_first(page, link, buffer):
    act(page, "Disconnect")
    sees(page, "Disconnect Buffer links?")
    assert BufferLink.objects.active().count() == 1
    press(page, "Disconnect")
    page.locator(".messagelist .success").wait_for()
    assert buffer.grants[0].revoked


def test_the_question_can_be_left(page, link):
    act(page, "Disconnect")
    page.get_by_text("No, take me back").click()
    page.locator("#result_list").wait_for()
    assert BufferLink.objects.active().count() == 1


def test_axe_finds_nothing_on_the_question(page, link):
    act(page, "Disconnect")
    sees(page, "Disconnect Buffer links?")
    assert faults(page, CONTENT) == []
