"""Pictures of the pages, drawn into `.pictures`: `make pictures`. To be looked at; nothing fails."""

from pathlib import Path

import pytest
from django.conf import settings as site

from buffer_connect import flows
from buffer_connect.models import BufferLink
from example_project import trouble
from tests.browser.hands import allow, press, sees, to_buffer
from tests.browser.looks import WIDTHS, look
from tests.example import conftest as example
from tests.links import age, key_of, link_to
from tests.people import API_KEY, CONNECT, LINKS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FOLDER = Path(site.BASE_DIR) / ".pictures"
ADMIN = "/admin/buffer_connect/bufferlink/"
TWO_CARDS = {"width": 1240, "height": 800}
NAMES = ("First account", "Second account")

listening = example.listening


@pytest.fixture
def user(user):
    """A member of the staff, who sees the admin too."""
    user.is_staff = user.is_superuser = True
    user.save()
    return user


@pytest.fixture
def links(page, buffer, user, ended):
    """An ended link and a healthy one, with all that Buffer tells of an account."""
    page.goto("/posts/")
    links = [ended, link_to(buffer, user, account="account-2")]
    for link, name in zip(links, NAMES, strict=True):
        email = f"{name.partition(' ')[0].lower()}@example.com"
        organizations = [{"id": "1", "name": f"Organization of the {name.lower()}"}]
        BufferLink.objects.filter(pk=link.pk).update(
            account_name=name, account_email=email, organizations=organizations
        )
    return links


def draw(page, name, path, *, scheme="light"):
    """Open a page, and draw it at every width."""
    page.goto(path)
    shoot(page, name, scheme)


def shoot(page, name, scheme="light"):
    FOLDER.mkdir(exist_ok=True)
    for width in WIDTHS:
        look(page, width, scheme)
        page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png", full_page=True)


def test_links(page, links):
    draw(page, "links", LINKS)
    draw(page, "links", LINKS, scheme="dark")


def test_nothing_linked(page):
    draw(page, "no-links", LINKS)


def test_connect(page):
    draw(page, "connect", CONNECT)


def test_prompt(page, links):
    path = f"{CONNECT}?link={links[0].uid}&scope=posts:write&next=/posts/"
    draw(page, "prompt", path)
    draw(page, "prompt", path, scheme="dark")


def test_links_without_names(page, links):
    BufferLink.objects.update(account_name="", account_email="", organizations=[])
    draw(page, "nameless", LINKS)


def test_disconnect(page, links):
    ended, healthy = links
    draw(page, "disconnect", f"{LINKS}{healthy.uid}/disconnect/")
    draw(page, "remove", f"{LINKS}{ended.uid}/disconnect/")


def test_more(page, links):
    draw(page, "more", f"{CONNECT}?link={links[1].uid}&scope=posts:write&next=/posts/")


def test_question_which_account(page, links, buffer, user):
    link_to(buffer, user, account="account-3")
    draw(page, "ambiguous", "/posts/")


def test_api_keys(page, links, buffer, user, keys_allowed):
    key = key_of(buffer, user, account="account-3")
    draw(page, "api-key", API_KEY)
    page.get_by_label("API key").fill("no-key-of-buffers")
    page.get_by_role("button").click()
    shoot(page, "api-key-refused")
    shoot(page, "api-key-refused", scheme="dark")
    BufferLink.objects.exclude(pk=key.pk).delete()
    draw(page, "links-api-key", LINKS)
    draw(page, "disconnect-api-key", f"{LINKS}{key.uid}/disconnect/")
    BufferLink.objects.update(status="revoked", reason="unauthorized")
    draw(page, "links-api-key-ended", LINKS)


def test_tags(page, links):
    draw(page, "tags", "/accounts/")
    draw(page, "tags", "/accounts/", scheme="dark")


def test_problem(page):
    draw(page, "problem", "/buffer/callback/?state=x")


def test_admin(page, links, troubled):
    draw(page, "admin-list", ADMIN)
    draw(page, "admin-list", ADMIN, scheme="dark")
    for number, name in enumerate(("admin-detail", "admin-detail-active")):
        draw(page, name, f"{ADMIN}{links[number].pk}/change/")
        draw(page, name, f"{ADMIN}{links[number].pk}/change/", scheme="dark")


def test_admin_question(page, troubled):
    page.goto(ADMIN)
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label="Disconnect")
    page.locator("button[name=index]").click()
    shoot(page, "admin-question")
    shoot(page, "admin-question", scheme="dark")


def test_two_cards(page, buffer, settings, user, listening):
    settings.ROOT_URLCONF = "example_project.urls"
    settings.SECURE_CSP = None
    trouble.start_usual_code(user)
    to_buffer(page, "/buffer/connect/?next=/", "Continue to Buffer")
    allow(page)
    for button in ("Two workers at once", "Lose the next answer"):
        press(page, button)
        page.wait_for_load_state()
    buffer.advance(3700)
    age(BufferLink.objects.get(), seconds=3700)
    flows.sweep()
    page.set_viewport_size(TWO_CARDS)
    page.goto("/")
    sees(page, "Ended: the connection was lost")
    page.screenshot(path=FOLDER / "two-cards.png", full_page=True)
