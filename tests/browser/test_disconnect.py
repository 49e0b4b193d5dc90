"""Disconnecting in a browser."""

import pytest

from tests.browser.hands import ACCOUNT, CONNECT_FIRST, allow, cards, press, sees, tab_to, to_buffer
from tests.browser.looks import faults
from tests.people import LINKS
from tests.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LEAD_IN = f"Disconnect {ACCOUNT}"
DONE = f"{ACCOUNT} is disconnected, and Buffer has withdrawn its permission."


@pytest.fixture
def connected(page):
    """A tab whose user has just connected an account."""
    to_buffer(page, LINKS)
    allow(page)
    sees(page, f"{ACCOUNT} is connected.")
    return page


def ask(page):
    page.get_by_role("link", name=LEAD_IN).click()
    sees(page, f"{LEAD_IN}?")


def test_it_asks_and_then_tells_buffer(connected, buffer):
    ask(connected)
    press(connected, "Disconnect")
    assert sees(connected, DONE)
    assert cards(connected) == []
    assert buffer.grants[0].revoked


def test_the_question_can_be_left(connected):
    ask(connected)
    connected.get_by_role("link", name="Back to your Buffer accounts").click()
    connected.wait_for_url(f"**{LINKS}")
    assert cards(connected) == [ACCOUNT]


def test_a_double_click_tells_buffer_once(connected, buffer):
    ask(connected)
    connected.get_by_role("button", name="Disconnect").dblclick()
    connected.wait_for_url(f"**{LINKS}")
    wait_for(lambda: buffer.requests_to("revocation"), "Buffer is told")
    assert len(buffer.requests_to("revocation")) == 1


def test_going_back_asks_no_second_time(connected, buffer):
    ask(connected)
    press(connected, "Disconnect")
    sees(connected, DONE)
    connected.go_back()
    connected.wait_for_url(f"**{LINKS}")
    assert sees(connected, "No Buffer account is connected yet.")


def test_an_ended_link_can_be_removed(page, ended):
    page.goto("/posts/")
    page.goto(LINKS)
    page.get_by_role("link", name=f"Remove {ended}").click()
    press(page, "Remove")
    assert sees(page, "is disconnected here.")
    assert cards(page) == []


def test_the_account_can_be_connected_again(connected):
    ask(connected)
    press(connected, "Disconnect")
    sees(connected, DONE)
    press(connected, CONNECT_FIRST)
    allow(connected)
    assert sees(connected, f"{ACCOUNT} is connected.")


def test_it_needs_no_mouse(connected):
    tab_to(connected, LEAD_IN)
    connected.keyboard.press("Enter")
    sees(connected, f"{LEAD_IN}?")
    tab_to(connected, "Disconnect")
    connected.keyboard.press("Enter")
    assert sees(connected, DONE)


def test_axe_finds_nothing_on_the_question(connected):
    ask(connected)
    assert faults(connected) == []


def test_axe_finds_nothing_when_it_is_done(connected):
    ask(connected)
    press(connected, "Disconnect")
    sees(connected, DONE)
    assert faults(connected) == []
