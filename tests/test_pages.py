"""The pages: what stands in them, and how."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

import pytest
from django.contrib.staticfiles import finders
from django.utils import timezone
from django.utils.translation import override

from buffer_connect import wording
from buffer_connect.flows.connect import Refusal, Tell
from buffer_connect.models import BufferLink
from buffer_connect.oauth.authorization import Problem
from tests.links import link_to
from tests.people import CALLBACK, CONNECT, LINKS

pytestmark = pytest.mark.django_db

WHEN = datetime(2026, 11, 22, 12, tzinfo=UTC)
TIMES = ("connected_at", "expires_at", "status_changed_at")
# WCAG 2.2, 1.4.3: the contrast of text.
AA = 4.5
PATHS = [LINKS, CONNECT, f"{CALLBACK}?state=x", f"{CONNECT}?scope=x"]
every_page = pytest.mark.parametrize("path", PATHS)


class Outline(HTMLParser):
    """The tags of a page, in their order."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def named(self, *names):
        return [tag for tag in self.tags if tag[0] in names]


@pytest.fixture
def ended(user, sandbox):
    link = link_to(sandbox, user, account="account-2")
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.filter(pk=link.pk).update(
        status="revoked", reason="answer_lost", account_name="Second <account>", **nothing
    )
    return link


@pytest.fixture
def nameless(user, sandbox):
    """A link to an account of which Buffer has told no name."""
    return link_to(sandbox, user)


def outline(person, path):
    return Outline(person.client.get(path).content.decode())


@every_page
def test_a_page_has_language_title_and_main_landmark(person, path):
    page = outline(person, path)
    assert page.named("html")[0][1]["lang"] == "en-us"
    assert len(page.named("main")) == len(page.named("title")) == len(page.named("h1")) == 1


@every_page
def test_a_page_runs_no_script_and_carries_no_style(person, path, ended):
    page = outline(person, path)
    assert page.named("script", "style", "iframe") == []
    assert not [tag for tag in page.tags if "style" in tag[1] or "onclick" in tag[1]]


@every_page
def test_a_page_is_kept_from_caches_and_frames(person, path):
    response = person.client.get(path)
    assert "no-store" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] in {"same-origin", "no-referrer"}


def test_pages_with_forms_let_browsers_name_their_origin(person):
    assert person.client.get(LINKS)["Referrer-Policy"] == "same-origin"
    assert person.client.get(CONNECT)["Referrer-Policy"] == "same-origin"


def test_headings_are_in_order(person, user, sandbox, ended):
    link_to(sandbox, user)
    headings = [tag for tag, _ in outline(person, LINKS).named("h1", "h2", "h3")]
    assert headings == ["h1", "h2", "h2"]


def test_the_stylesheet_is_there(person):
    (sheet,) = outline(person, LINKS).named("link")
    assert finders.find(sheet[1]["href"].removeprefix("/static/"))


def test_an_ended_link_says_why_and_offers_to_reconnect(person, ended):
    page = person.links_page()
    assert str(wording.REASONS["answer_lost"]) in page
    assert f'name="link" value="{ended.uid}"' in page
    assert "Reconnect Second &lt;account&gt;" in page


def test_the_reconnect_button_begins(person, ended):
    address = person.begin(link=str(ended.uid))
    assert address.startswith(person.sandbox.url)


def test_an_active_link_offers_no_reconnect(person, user, sandbox):
    link_to(sandbox, user)
    assert "Reconnect" not in person.links_page()


def test_a_disconnected_link_is_not_shown(person, ended):
    BufferLink.objects.update(status="disconnected", reason="")
    assert "No Buffer account is connected yet." in person.links_page()


def test_nobody_elses_link_is_shown(person, other_user, sandbox):
    link_to(sandbox, other_user)
    assert "No Buffer account is connected yet." in person.links_page()


def test_the_links_page_takes_as_many_queries_for_ten_links(
    person, user, sandbox, django_assert_max_num_queries
):
    for number in range(10):
        link_to(sandbox, user, account=f"account-{number}")
    person.links_page()
    with django_assert_max_num_queries(3):
        person.links_page()


def test_the_connect_page_says_what_is_asked(person):
    page = person.client.get(CONNECT, {"scope": "posts:read"}).content.decode()
    assert "see posts" in page
    assert "create and change posts" not in page


def test_the_connect_page_names_the_link_to_reconnect(person, ended):
    page = person.client.get(CONNECT, {"link": str(ended.uid)}).content.decode()
    assert "Reconnect Second &lt;account&gt;" in page


def test_the_connect_page_says_why_a_link_ended(person, ended):
    page = person.client.get(CONNECT, {"link": str(ended.uid)}).content.decode()
    assert str(wording.REASONS["answer_lost"]) in page


def test_the_connect_page_says_what_more_an_active_link_needs(person, user, sandbox):
    fields = {"link": str(link_to(sandbox, user).uid), "scope": ["posts:read", "posts:write"]}
    page = person.client.get(CONNECT, fields).content.decode()
    assert "This needs more than you allowed: create and change posts." in page
    assert "<h1>Allow more for " in page
    assert "Reconnect" not in page


def test_what_an_ended_link_did_not_allow_is_no_news(person, ended):
    fields = {"link": str(ended.uid), "scope": "posts:write"}
    page = person.client.get(CONNECT, fields).content.decode()
    assert "<h1>Reconnect Second &lt;account&gt;</h1>" in page
    assert "than you allowed" not in page


def test_the_connect_page_says_nothing_of_a_link_that_lacks_nothing(person, user, sandbox):
    fields = {"link": str(link_to(sandbox, user).uid), "scope": "posts:read"}
    page = person.client.get(CONNECT, fields).content.decode()
    assert "<h1>Reconnect " in page
    assert 'class="notice' not in page


def test_a_disconnected_link_is_connected_like_a_new_one(person, ended):
    BufferLink.objects.update(status="disconnected", reason="", account_name="")
    page = person.client.get(CONNECT, {"link": str(ended.uid)}).content.decode()
    assert "<h1>Connect a Buffer account</h1>" in page


def test_scopes_stand_in_the_order_of_the_settings(person, settings, user, sandbox):
    scopes = ["offline_access", "account:read", "ideas:read", "posts:write", "posts:read"]
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "SCOPES": scopes}
    fields = {"link": str(link_to(sandbox, user).uid), "scope": ["posts:write", "ideas:read"]}
    page = person.client.get(CONNECT, fields).content.decode()
    asked = ["ideas:read", "posts:write", "posts:read", "account:read", "offline_access"]
    assert re.findall(r"<li>(.*)</li>", page) == [str(wording.SCOPES[scope]) for scope in asked]


def test_times_carry_their_zone(person, user, sandbox, ended):
    link_to(sandbox, user, refreshable=False)
    BufferLink.objects.update(**dict.fromkeys(TIMES, WHEN))
    with timezone.override("Europe/Berlin"):
        page = person.links_page()
    assert page.count("Nov. 22, 2026, 1 p.m. CET") == 3


def test_disconnecting_looks_like_no_other_button(person, ended):
    page = outline(person, LINKS)
    (way,) = [attrs for _, attrs in page.named("a") if attrs.get("class") == "danger"]
    assert way["href"] == f"{LINKS}{ended.uid}/disconnect/"
    assert ("button", {"class": "danger"}) in outline(person, way["href"]).tags


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "bad-ground"])
def test_a_dangerous_button_can_be_read(scheme, ground):
    sheet = Path(finders.find("buffer_connect/buffer_connect.css")).read_text(encoding="utf-8")
    ink, behind = (
        luminance(re.findall(rf"--{name}: #(\w+);", sheet)[scheme]) for name in ("bad", ground)
    )
    assert (max(ink, behind) + 0.05) / (min(ink, behind) + 0.05) >= AA


def test_an_account_without_a_name_is_called_by_its_date(user, sandbox):
    link = link_to(sandbox, user)
    link.connected_at = WHEN
    assert str(link) == f"Buffer account {str(link.uid)[:4]} (connected on Nov. 22, 2026)"


def test_the_date_is_that_of_the_users_zone(user, sandbox):
    link = link_to(sandbox, user)
    link.connected_at = WHEN
    with timezone.override("Pacific/Kiritimati"):
        assert str(link).endswith("(connected on Nov. 23, 2026)")


def test_an_account_that_was_never_connected_has_no_date():
    link = BufferLink()
    assert str(link) == f"Buffer account {str(link.uid)[:4]}"


@pytest.mark.parametrize("known", ["account_name", "account_email"])
def test_an_account_with_a_name_is_called_by_it(user, sandbox, known):
    link = link_to(sandbox, user)
    setattr(link, known, "member")
    assert str(link) == "member"


def test_two_accounts_without_a_name_are_told_apart(person, user, sandbox, nameless):
    link_to(sandbox, user, account="account-2")
    BufferLink.objects.update(connected_at=WHEN)
    names = re.findall(r"<h2>(.*)</h2>", person.links_page())
    assert len({*names}) == len(names) == 2


@pytest.mark.parametrize("status", ["active", "revoked"])
@pytest.mark.parametrize("path", ["", "{}/disconnect/", "connect/?scope=posts:write&link={}"])
def test_nobody_is_shown_a_uid(person, nameless, status, path):
    BufferLink.objects.update(status=status, reason="unauthorized")
    page = person.client.get(LINKS + path.format(nameless.uid)).content.decode()
    assert str(nameless) in page
    assert str(nameless.uid) not in re.sub("<[^>]*>", "", page)


def test_a_notice_calls_an_account_without_a_name_by_its_date(person, nameless):
    person.client.post(f"{LINKS}{nameless.uid}/disconnect/")
    assert f"{nameless} is disconnected, and Buffer has" in person.links_page()


def test_a_link_that_is_checked_again_is_called_so_too(person, nameless, sandbox):
    BufferLink.objects.update(status="revoked", reason="unauthorized")
    person.client.post(f"{LINKS}{nameless.uid}/check/")
    assert f"Buffer accepts {nameless} again." in person.links_page()


def test_a_notice_of_an_older_release_is_passed_over(person):
    person.connect()
    session = person.client.session
    session["buffer_connect_notices"] += [{"tell": "gone", "facts": {}}]
    session.save()
    assert person.links_page().count('role="status"') == 1


@pytest.mark.parametrize("told", Tell)
def test_everything_to_tell_has_words(told):
    assert str(wording.NOTICES[told])


@pytest.mark.parametrize("problem", [*Problem, *Refusal])
def test_every_problem_has_words(problem):
    assert str(wording.PROBLEMS[problem])


@pytest.mark.parametrize("reason", BufferLink.Reason)
def test_every_reason_has_words(reason):
    assert str(wording.REASONS[reason])


@every_page
def test_every_text_can_be_translated(person, path, ended):
    with mock.patch("django.utils.translation._trans.gettext", dashes), override("en"):
        page = person.client.get(path).content.decode()
    assert words(page) <= {"Second", "account"}


@pytest.mark.parametrize("status", ["active", "revoked"])
def test_every_occasion_can_be_translated(person, ended, status):
    BufferLink.objects.update(status=status)
    fields = {"link": str(ended.uid), "scope": "posts:write"}
    with mock.patch("django.utils.translation._trans.gettext", dashes), override("en"):
        page = person.client.get(CONNECT, fields).content.decode()
    assert words(page) == {"Second", "account"}


def words(page):
    """Return the longer words that stand in the main part of a page."""
    main = re.sub(r"<[^>]*>|&[^;]*;", " ", page.partition("<main>")[2])
    return set(re.findall(r"[A-Za-z]{4,}", main))


def dashes(message):
    """Translate every word but the placeholders into a dash."""
    return re.sub(r"%\(\w+\)s|[A-Za-z]+", lambda word: word[0] if "%" in word[0] else "-", message)


def luminance(colour):
    """Return the relative luminance of a colour in three or six hexadecimal digits (WCAG 2.2)."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [value / 255 for value in bytes.fromhex(digits)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return sum(share * x for share, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
