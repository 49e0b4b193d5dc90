"""The admin's window on links, in a browser and under the policy."""

import pytest
from django.urls import reverse

from buffer_connect.models import BufferLink
from tests.browser.hands import press, sees
from tests.browser.looks import WIDTHS, faults, look

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/buffer_connect/bufferlink/"


# Around it is Django's own.
CONTENT = "#content"
# What ends to the right of the list or of its cell, or has text in it that does.
OUT_OF_SIGHT = """() => {
    const edge = document.querySelector("#changelist-form .results").getBoundingClientRect().right;
    const parts = [...document.querySelectorAll("#result_list :is(th, td, th *, td *)")];
    const right = (part) => part.getBoundingClientRect().right;
    const sticksOut = (part) =>
        right(part) > Math.min(edge, right(part.closest("th, td")) + 0.5);
    const overflows = (part) => part.clientWidth > 0 && part.scrollWidth > part.clientWidth;
    return parts
        .filter((part) => sticksOut(part) || overflows(part))
        .map((part) => part.outerHTML);
}"""


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


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("query", ["", "?o=-4.2"], ids=["as it comes", "sorted"])
def test_nothing_of_the_list_is_out_of_sight(page, link, troubled, width, query):
    look(page, width, "light")
    page.goto(LIST + query)
    assert page.locator("#result_list .buffer-badge").count() == 7
    assert page.evaluate(OUT_OF_SIGHT) == []


def test_a_narrow_list_names_what_stands_below_each_other(page, link):
    look(page, "phone", "light")
    page.goto(LIST)
    assert "Next attempt: in " in page.locator(".field-next_attempt").inner_text()
    look(page, "desktop", "light")
    assert "Next attempt" not in page.locator(".field-next_attempt").inner_text()


def test_axe_finds_nothing_in_the_list(page, link, troubled):
    page.goto(LIST)
    assert faults(page, "#result_list tbody") == []


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


def test_the_question_leads_back_to_the_list(page, link):
    act(page, "Disconnect")
    page.locator(".breadcrumbs").get_by_role("link", name="Buffer links").click()
    page.locator("#result_list").wait_for()
    assert BufferLink.objects.active().count() == 1


def test_the_question_can_be_left(page, link):
    act(page, "Disconnect")
    page.get_by_text("No, take me back").click()
    page.locator("#result_list").wait_for()
    assert BufferLink.objects.active().count() == 1


def test_axe_finds_nothing_on_the_question(page, link, troubled):
    act(page, "Disconnect")
    sees(page, "Disconnect Buffer links?")
    assert faults(page, CONTENT) == []
