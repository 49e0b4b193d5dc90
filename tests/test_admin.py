"""The admin: a window on the links."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from buffer_connect.models import BufferLink, LinkEvent
from tests.links import link_to, tokens_of
from tests.people import Person
from tests.staff import LIST, delete_page, detail, staff_browser

pytestmark = pytest.mark.django_db

OTHER_KEY = ["other:d9yVMvLhT4PwTSlI7cZ0OHOSIbB5WZPY2ZDUQCfCcXk="]
PAGES = [LIST, f"{LIST}?status__exact=active", "detail", "delete", "history"]


@pytest.fixture
def operator(db):
    """The browser of a superuser."""
    return staff_browser(is_superuser=True)


@pytest.fixture
def viewer(db):
    """The browser of staff who may look."""
    return staff_browser("view_bufferlink", name="viewer")


@pytest.fixture
def link(sandbox, user):
    Person(sandbox, user).connect()
    return BufferLink.objects.get()


def page(client, path):
    return client.get(path).content.decode()


def pages_of(client, link):
    paths = [LIST, detail(link), f"{LIST}{link.pk}/history/", delete_page(link)]
    return "".join(page(client, path) for path in paths)


def put(link, **columns):
    if columns.get("status") in {"revoked", "disconnected"}:
        columns = {"refresh_token": None, "access_token": None, **columns}
    BufferLink.objects.filter(pk=link.pk).update(**columns)


STANDINGS = {
    "connected": {},
    "ends by itself": {"refresh_due_at": None},
    "refresh fails": {"failures": 3, "last_error": "server_error"},
    "in doubt": {"sent_generation": F("generation")},
    "blocked": {"last_error": "KeyUnavailable"},
    "ended": {"status": "revoked", "reason": "expired"},
    "disconnected": {"status": "disconnected"},
}
WHYS = {
    "ends by itself": "There is no refresh token",
    "refresh fails": "failed in a row: 3. The last said: server_error.",
    "in doubt": "The answer to a refresh was lost (no answer)",
    "blocked": "Its tokens do not open (KeyUnavailable)",
    "ended": "The connection has run out.",
}


@pytest.mark.parametrize("label", STANDINGS)
def test_the_list_and_the_detail_show_how_a_link_fares_in_words(operator, link, label):
    put(link, **STANDINGS[label])
    badge = re.compile(
        rf'<span class="buffer-badge [^"]*"><span aria-hidden="true">.</span> {label}<'
    )
    assert badge.search(page(operator, LIST))
    assert badge.search(page(operator, detail(link)))


@pytest.mark.parametrize("label", WHYS)
def test_the_list_and_the_detail_say_why(operator, link, label):
    put(link, **STANDINGS[label])
    assert WHYS[label] in page(operator, LIST)
    assert WHYS[label] in page(operator, detail(link))


def test_a_refresh_that_is_under_way_is_not_in_doubt(operator, link):
    put(link, sent_generation=1, lease_until=timezone.now() + timezone.timedelta(minutes=1))
    assert "✓</span> connected<" in page(operator, LIST)


@pytest.mark.parametrize("label", ["ends by itself", "refresh fails", "in doubt", "blocked"])
def test_links_are_found_by_how_their_refreshing_goes(operator, link, sandbox, other_user, label):
    link_to(sandbox, other_user, account="account-2")
    put(link, **STANDINGS[label])
    values = {"ends by itself": "fading", "refresh fails": "failing", "in doubt": "doubtful"}
    found = page(operator, f"{LIST}?refreshing={values.get(label, label)}")
    assert "1 Buffer link" in found
    assert detail(link) in found


def test_the_list_shows_whose_links_are_good_for_what_until_when(operator, link):
    found = page(operator, LIST)
    assert "Sandbox account 1" in found
    assert ">member<" in found
    assert "posts:write" in found
    assert 'class="field-expires_at nowrap"' in found


def test_the_next_attempt_of_a_link_is_the_latest_thing_that_holds_it_back(operator, link):
    later = timezone.now() + timezone.timedelta(days=400)
    put(link, next_attempt_at=later)
    cell = re.search(r'class="field-next_attempt">([^<]*)<', page(operator, LIST))
    assert str(later.year) in cell[1]


def test_the_next_attempt_of_a_link_in_doubt_waits_for_the_quarantine(operator, link):
    later = timezone.now() + timezone.timedelta(days=400)
    put(link, sent_generation=1, sent_at=later)
    cell = re.search(r'class="field-next_attempt">([^<]*)<', page(operator, LIST))
    assert str(later.year) in cell[1]


def test_an_ended_link_has_no_next_attempt(operator, link):
    put(link, **STANDINGS["ended"])
    assert 'class="field-next_attempt">-<' in page(operator, LIST)


def test_the_detail_shows_the_history_newest_first(operator, link):
    LinkEvent.objects.record("revoked", link=link.pk, reason="answer_lost", generation=1)
    LinkEvent.objects.record("disconnected", link=link.pk, revoked_at_buffer=True)
    history = page(operator, detail(link)).partition('id="events-group"')[2]
    told = ["Buffer has withdrawn the permission.", "and with it the connection.", ">connected<"]
    places = [history.index(text) for text in told]
    assert places == sorted(places)


def test_who_may_view_links_sees_their_history(viewer, link):
    assert 'id="events-group"' in page(viewer, detail(link))


def test_nothing_can_be_edited(operator, link):
    found = page(operator, detail(link))
    inputs = set(re.findall(r'<(?:input|select|textarea)[^>]*name="([^"]+)"', found))
    assert {name for name in inputs if not name.startswith("events-")} <= {"csrfmiddlewaretoken"}
    assert 'name="_save"' not in found
    assert operator.post(detail(link), {"status": "revoked"}).status_code == 403
    assert operator.get(f"{LIST}add/").status_code == 403


@pytest.mark.parametrize(
    "query", ["", "?q=member", "?q=account-1", "?status__exact=active", "?kind__exact=oauth"]
)
def test_the_list_can_be_searched_and_filtered(operator, link, query):
    assert "1 Buffer link" in page(operator, LIST + query)


@pytest.mark.parametrize("query", ["?q=nobody", "?status__exact=revoked", "?q=%25"])
def test_what_does_not_fit_is_not_found(operator, link, query):
    assert "1 Buffer link" not in page(operator, LIST + query)


def test_a_link_is_found_by_the_uid_that_the_logs_name(operator, link, sandbox, other_user):
    link_to(sandbox, other_user, account="account-2")
    found = page(operator, f"{LIST}?q={link.uid}")
    assert "1 Buffer link" in found
    assert detail(link) in found


def test_the_list_can_be_narrowed_to_the_days_of_a_change(operator, link):
    changed = link.status_changed_at
    assert "1 Buffer link" in page(operator, f"{LIST}?status_changed_at__year={changed.year}")
    assert "0 Buffer links" in page(operator, f"{LIST}?status_changed_at__year={changed.year - 1}")


def test_no_page_shows_a_token_or_what_is_sealed(operator, link):
    text = pages_of(operator, link)
    hidden = [*tokens_of(link), link.refresh_token_digest, "digest", "access_token"]
    assert [secret for secret in hidden if secret in text] == []
    assert bytes(link.access_token).hex() not in text


@pytest.mark.parametrize("lookup", ["refresh_token_digest__startswith", "access_token__isnull"])
def test_the_list_cannot_be_asked_about_what_is_sealed(operator, link, lookup):
    assert operator.get(f"{LIST}?{lookup}=1").status_code == 400


def test_a_search_reads_no_sealed_column(operator, link, sandbox):
    operator.get(LIST)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        operator.get(f"{LIST}?q=x")
    text = " ".join(query["sql"] for query in queries)
    assert [name for name in ("access_token", "refresh_token") if name in text] == []


def test_no_page_has_a_script_or_a_style_in_it(operator, link):
    text = pages_of(operator, link)
    assert re.findall(r"<style", text) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", text) == []
    assert re.findall(r'\son\w+="|\sstyle="', text) == []


def test_the_stylesheet_is_there(operator, link):
    assert "buffer_connect/admin.css" in page(operator, LIST)
    assert finders.find("buffer_connect/admin.css")


def queries_for(client, path):
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return len(queries)


@pytest.mark.parametrize("query", ["", "?q=user", "?status__exact=active", "?refreshing=connected"])
def test_the_list_takes_as_many_queries_for_many_links(operator, sandbox, link, query):
    before = queries_for(operator, LIST + query)
    for number in range(30):
        user = get_user_model().objects.create_user(f"user{number}")
        link_to(sandbox, user, account=f"account-{number}")
    assert queries_for(operator, LIST + query) == before <= 7


def test_the_detail_takes_as_many_queries_for_many_events(operator, link):
    before = queries_for(operator, detail(link))
    for _ in range(30):
        LinkEvent.objects.record("resent", link=link.pk, generation=1)
    assert queries_for(operator, detail(link)) == before


def test_staff_who_may_not_view_links_see_none(link):
    client = staff_browser(name="staff")
    assert client.get(LIST).status_code == 403
    assert client.get(detail(link)).status_code == 403


def test_who_may_only_view_finds_no_action(viewer, link):
    assert 'name="action"' not in page(viewer, LIST)
    assert page(viewer, detail(link))
    assert viewer.post(delete_page(link), {"post": "yes"}).status_code == 403


def test_who_may_ask_for_something_may_look(link):
    client = staff_browser("change_bufferlink")
    assert client.get(LIST).status_code == 200
    assert client.get(detail(link)).status_code == 200
