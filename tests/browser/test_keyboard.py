"""Pages by keyboard alone: every stop in its order, each with a ring that can be seen."""

import pytest

from tests.browser.hands import ACCOUNT, CONNECT_FIRST, sees, tab_stops, tab_to
from tests.links import link_to
from tests.people import CALLBACK, CONNECT, LINKS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RING = 3


def test_connecting_needs_no_mouse(page):
    page.goto(LINKS)
    tab_to(page, CONNECT_FIRST)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Allow").wait_for()
    tab_to(page, "Allow")
    page.keyboard.press("Enter")
    assert sees(page, f"{ACCOUNT} is connected.")


def test_the_links_page_is_walked_from_top_to_bottom(page, buffer, user, ended):
    page.goto("/posts/")
    healthy = link_to(buffer, user, account="account-2")
    page.goto(LINKS)
    assert tab_stops(page) == [
        (f"Reconnect {ended}", RING),
        (f"Remove {ended}", RING),
        (f"Disconnect {healthy}", RING),
        ("Connect another account", RING),
    ]


def test_the_connect_page_is_walked_from_top_to_bottom(page):
    page.goto(CONNECT)
    assert tab_stops(page) == [
        ("Continue to Buffer", RING),
        ("Back to your Buffer accounts", RING),
    ]


def test_the_way_on_from_a_problem_has_a_ring(page):
    page.goto(f"{CALLBACK}?state=x")
    assert tab_stops(page) == [("Go to your Buffer accounts", RING)]
