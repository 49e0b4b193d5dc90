"""The admin's window on links, in a browser and under the policy."""

import pytest
from django.urls import reverse

from tests.browser.hands import sees

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/buffer_connect/bufferlink/"


@pytest.fixture
def user(admin_user):
    """Who is signed in here is staff."""
    return admin_user


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
