"""Connecting in a browser, the ways that only a browser knows included."""

import pytest

from buffer_connect.checks.pages import check_form_action
from buffer_connect.models import BufferLink
from tests.browser import policy
from tests.browser.hands import (
    ACCOUNT,
    CONNECT_FIRST,
    OTHER_ACCOUNT,
    allow,
    cards,
    press,
    sees,
    to_buffer,
)
from tests.people import CALLBACK, LINKS
from tests.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def callbacks(window):
    """The addresses at which this browser came back from Buffer."""
    addresses = []
    window.on("request", lambda sent: CALLBACK in sent.url and addresses.append(sent.url))
    return addresses


def exchanges(buffer):
    return len(buffer.requests_to("token"))


def test_the_button_leads_to_buffer_and_back(page, live_server):
    to_buffer(page, LINKS)
    allow(page)
    assert sees(page, f"{ACCOUNT} is connected.")
    assert page.url == f"{live_server.url}{LINKS}"


def test_who_denies_is_back_with_nothing_connected(page):
    to_buffer(page, LINKS)
    press(page, "Deny")
    assert sees(page, "You did not allow access at Buffer.")
    assert sees(page, "No Buffer account is connected yet.")


def test_what_was_left_out_is_told(page):
    to_buffer(page, LINKS)
    page.get_by_label("Create and change posts").uncheck()
    allow(page)
    assert sees(page, "You left out: create and change posts.")


def test_two_tabs_both_finish(window, page):
    other = window.new_page()
    to_buffer(page, LINKS)
    to_buffer(other, LINKS)
    allow(page)
    allow(other, OTHER_ACCOUNT)
    assert sees(other, f"{OTHER_ACCOUNT} is connected.")
    assert cards(other) == [ACCOUNT, OTHER_ACCOUNT]


def test_two_tabs_may_choose_the_same_account(window, page):
    other = window.new_page()
    to_buffer(page, LINKS)
    to_buffer(other, LINKS)
    allow(other)
    sees(other, "is connected.")
    allow(page)
    assert sees(page, "is connected.")
    assert cards(page) == [ACCOUNT]


def test_going_back_and_allowing_again_ends_at_the_link(page, buffer):
    to_buffer(page, LINKS)
    allow(page)
    sees(page, "is connected.")
    page.go_back()
    allow(page)
    page.wait_for_url(f"**{LINKS}")
    assert cards(page) == [ACCOUNT]
    assert exchanges(buffer) == 1


def test_going_back_to_the_links_page_shows_what_is_connected(page):
    to_buffer(page, LINKS)
    allow(page)
    sees(page, "is connected.")
    page.go_back()
    page.go_back()
    page.wait_for_url(f"**{LINKS}")
    assert cards(page) == [ACCOUNT]


def test_a_double_click_on_connect_is_one_link(page):
    page.goto(LINKS)
    page.get_by_role("button", name=CONNECT_FIRST).dblclick()
    allow(page)
    assert sees(page, "is connected.")
    assert cards(page) == [ACCOUNT]


def test_a_double_click_on_allow_exchanges_once(page, buffer):
    to_buffer(page, LINKS)
    page.get_by_role("button", name="Allow", exact=True).dblclick()
    page.wait_for_url(f"**{LINKS}")
    wait_for(BufferLink.objects.active().exists, "the link is there")
    assert exchanges(buffer) == 1
    assert BufferLink.objects.active().count() == 1


def test_the_callback_opened_again_leads_to_the_link(page, buffer, callbacks):
    to_buffer(page, LINKS)
    allow(page)
    sees(page, "is connected.")
    page.goto(callbacks[0])
    assert page.url.endswith(LINKS)
    assert (cards(page), exchanges(buffer)) == ([ACCOUNT], 1)


def test_a_refused_callback_can_be_reloaded(page):
    page.goto(f"{CALLBACK}?state=x")
    assert page.reload().status == 400
    assert sees(page, "Nothing was connected")


def test_without_the_issuer_in_form_action_the_button_does_nothing(
    page, settings, complaints, live_server
):
    settings.SECURE_CSP = policy.strict()
    page.goto(LINKS)
    with page.expect_event("console"):
        press(page, CONNECT_FIRST)
    assert "form-action" in complaints.pop()
    assert page.url == f"{live_server.url}{LINKS}"


def test_that_is_what_the_check_says(buffer, settings):
    assert check_form_action() == []
    settings.SECURE_CSP = policy.strict()
    assert [message.id for message in check_form_action()] == ["buffer_connect.W006"]
