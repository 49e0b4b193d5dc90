"""The admin: a window on the links."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import formats, timezone

from buffer_connect.flows.refresh import breaker
from buffer_connect.models import BufferLink, LinkEvent, ServiceState
from tests.links import key_of, link_to, tokens_of
from tests.people import Person
from tests.staff import LIST, delete_page, detail, staff_browser

pytestmark = pytest.mark.django_db

# Over a week, and not a day before the next.
DAYS = timedelta(days=8)


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


def cell(found, name):
    """Return the text of the cell that the first link has in a column."""
    html = re.search(rf'class="field-{name}">(.*?)</t[hd]>', found)[1]
    return re.sub("<[^>]*>", "", html)


def put(link, **columns):
    if columns.get("status") in {"revoked", "disconnected"}:
        columns = {"refresh_token": None, "access_token": None, **columns}
    BufferLink.objects.filter(pk=link.pk).update(**columns)


STANDINGS = {
    "connected": {},
    "rests": {
        "expires_at": timezone.now() - timedelta(hours=20),
        "refresh_due_at": timezone.now() + timedelta(days=400),
    },
    "ends by itself": {"refresh_due_at": None},
    "refresh fails": {"failures": 3, "last_error": "timeout"},
    "in doubt": {"sent_generation": F("generation")},
    "held back": {"refused_generation": F("generation"), "refused_reason": "expired"},
    "blocked": {"last_error": "KeyUnavailable"},
    "ended": {"status": "revoked", "reason": "expired"},
    "disconnected": {"status": "disconnected"},
}
# In the list, and in the detail.
WHYS = {
    "rests": ("until the next call", "the next call fetches one, or else the sweep"),
    "ends by itself": ("no refresh token", "There is no refresh token"),
    "refresh fails": ("3 in a row: timeout", "failed in a row: 3. The last said: timeout."),
    "in doubt": ("an answer was lost: no answer", "The answer to a refresh was lost (no answer)"),
    "held back": ("refused with many others", "Buffer refused it together with many others."),
    "blocked": ("nothing is sent: KeyUnavailable", "Its tokens do not open (KeyUnavailable)"),
    "ended": ("expired", "The connection has run out."),
}


@pytest.mark.long
@pytest.mark.parametrize("label", STANDINGS)
def test_the_list_and_the_detail_show_how_a_link_fares_in_words(operator, link, label):
    put(link, **STANDINGS[label])
    badge = re.compile(
        rf'<span class="buffer-badge [^"]*"><span aria-hidden="true">.</span> {label}<'
    )
    assert badge.search(page(operator, LIST))
    assert badge.search(page(operator, detail(link)))


@pytest.mark.long
@pytest.mark.parametrize("label", WHYS)
def test_the_list_and_the_detail_say_why(operator, link, label):
    put(link, **STANDINGS[label])
    in_short, in_full = WHYS[label]
    assert f'<div class="buffer-why">{in_short}</div>' in page(operator, LIST)
    assert in_full in page(operator, detail(link))


def test_a_link_that_waits_for_the_sweep_does_not_rest(operator, link):
    put(link, expires_at=timezone.now() - DAYS, refresh_due_at=timezone.now() - DAYS)
    assert "✓</span> connected<" in page(operator, LIST)


def banner(client):
    """What stands above the list."""
    return re.findall(r'<li class="error">(.*?)</li>', page(client, LIST))


def test_nothing_stands_above_the_list_while_all_is_well(operator, link):
    assert banner(operator) == []


def test_above_the_list_stands_that_buffer_refuses_this_site(operator, link):
    breaker.open_()
    (text,) = banner(operator)
    assert text.startswith("Buffer refuses CLIENT_ID and CLIENT_SECRET, so since ")


def test_above_the_list_stands_that_the_brake_is_on(operator, link):
    ServiceState.objects.create(name="brake", opened_at=timezone.now())
    put(link, **STANDINGS["held back"])
    (text,) = banner(operator)
    assert "Held back instead of ended: 1." in text
    assert "run buffer_status --retry or --resume" in text


def test_above_the_list_stands_what_is_wrong_with_the_settings(operator, link, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "CLIENT_ID": ""}
    assert "CLIENT_ID" in banner(operator)[0]


def test_a_link_that_is_held_back_has_no_next_attempt(operator, link):
    put(link, **STANDINGS["held back"])
    assert 'class="field-next_attempt">-<' in page(operator, LIST)


def test_a_refresh_that_is_under_way_is_not_in_doubt(operator, link):
    put(link, sent_generation=1, lease_until=timezone.now() + timedelta(minutes=1))
    assert "✓</span> connected<" in page(operator, LIST)


VALUES = {
    "rests": "resting",
    "ends by itself": "fading",
    "refresh fails": "failing",
    "in doubt": "doubtful",
    "held back": "held_back",
    "blocked": "blocked",
}


@pytest.mark.long
@pytest.mark.parametrize("label", VALUES)
def test_links_are_found_by_how_their_refreshing_goes(operator, link, sandbox, other_user, label):
    link_to(sandbox, other_user, account="account-2")
    put(link, **STANDINGS[label])
    found = page(operator, f"{LIST}?refreshing={VALUES[label]}")
    assert "1 Buffer link" in found
    assert detail(link) in found


def test_the_list_shows_whose_links_are_good_for_what_until_when(operator, link):
    now = timezone.now()
    put(link, last_refreshed_at=now - DAYS, expires_at=now + 2 * DAYS)
    found = page(operator, LIST)
    assert cell(found, "account") == "Sandbox account 1"
    assert cell(found, "user") == "User: member"
    assert cell(found, "expires") == "Expires: in 2 weeks"
    assert cell(found, "last_refresh") == "Last refresh: 1 week ago"


def test_the_columns_stand_in_the_order_of_their_worth(operator, link):
    heads = re.findall(r'<th scope="col" class="(?:sortable )?column-(\w+)', page(operator, LIST))
    worth = ["account", "status", "user", "next_attempt", "expires", "last_refresh", "scopes"]
    assert heads == worth


@pytest.mark.long
@pytest.mark.parametrize("column", range(1, 7))
def test_the_list_can_be_sorted(operator, link, column):
    assert operator.get(f"{LIST}?o={column}").status_code == 200


def test_a_moment_in_the_list_can_be_read_exactly(operator, link):
    moment = timezone.now() - DAYS
    put(link, last_refreshed_at=moment)
    shown = f'<time datetime="{moment.isoformat()}" title="{formats.localize(moment)}">'
    assert shown in page(operator, LIST)


@pytest.mark.long
@pytest.mark.parametrize(
    ("due_in", "told"),
    [({"days": 8}, "in 1 week"), ({}, "now"), ({"days": -8}, "due for 1 week")],
    ids=["ahead", "now", "past"],
)
def test_the_list_says_how_far_away_the_next_attempt_is(operator, link, due_in, told):
    put(link, refresh_due_at=timezone.now() + timedelta(**due_in))
    assert cell(page(operator, LIST), "next_attempt") == f"Next attempt: {told}"


def test_an_api_key_is_told_as_such(operator, sandbox, user):
    key_of(sandbox, user)
    found = page(operator, LIST)
    assert cell(found, "scopes").endswith("API key")
    assert "✓</span> connected" in found


@pytest.mark.long
def test_the_list_leaves_out_the_scopes_that_everybody_is_asked_for(operator, link):
    put(link, granted_scopes=["account:read", "posts:read", "ideas:write", "offline_access"])
    assert cell(page(operator, LIST), "scopes") == "Scopes: posts:read ideas:write"
    assert "account:read posts:read ideas:write offline_access" in page(operator, detail(link))


def test_what_is_not_there_leaves_its_cell_empty(operator, link):
    put(link, refresh_due_at=None, granted_scopes=["account:read"])
    found = page(operator, LIST)
    names = ("next_attempt", "last_refresh", "scopes")
    assert [cell(found, name) for name in names] == ["-", "-", "-"]


def test_a_name_that_is_html_stays_text(operator, link):
    put(link, account_name="<b>@shop</b>")
    assert "&lt;b&gt;@<wbr>shop&lt;/b&gt;" in page(operator, LIST)


def test_the_next_attempt_of_a_link_is_the_latest_thing_that_holds_it_back(operator, link):
    put(link, next_attempt_at=timezone.now() + 60 * DAYS)
    assert cell(page(operator, LIST), "next_attempt") == "Next attempt: in 1 year"


def test_the_next_attempt_of_a_link_in_doubt_waits_for_the_quarantine(operator, link):
    put(link, sent_generation=1, sent_at=timezone.now() + 60 * DAYS)
    assert cell(page(operator, LIST), "next_attempt") == "Next attempt: in 1 year"


@pytest.mark.long
def test_the_detail_shows_one_next_attempt(operator, link):
    names = re.findall(r'class="form-row field-(\w+)', page(operator, detail(link)))
    assert (names.count("next_attempt"), names.count("next_attempt_at")) == (1, 0)


@pytest.mark.long
@pytest.mark.parametrize("label", ["ended", "disconnected"])
def test_what_has_ended_shows_no_plan(operator, link, label):
    put(link, **STANDINGS[label])
    found, own = page(operator, LIST), page(operator, detail(link))
    assert (cell(found, "next_attempt"), cell(found, "expires")) == ("-", "-")
    assert not re.search("field-next_attempt|field-refresh_due_at", own)
    assert re.search(r'field-expiry">.*?<div class="readonly">-</div>', own, re.DOTALL)


def test_an_ended_link_that_kept_its_tokens_shows_when_they_end(operator, link):
    BufferLink.objects.update(status="revoked", reason="unauthorized")
    assert cell(page(operator, LIST), "expires").startswith("Expires: in ")


@pytest.mark.long
@pytest.mark.parametrize("path", [LIST, "detail", "delete"])
def test_an_account_without_a_name_is_called_the_same_everywhere(operator, link, path):
    put(link, account_name="", account_email="")
    pages = {"detail": detail(link), "delete": delete_page(link)}
    found = page(operator, pages.get(path, path))
    assert str(BufferLink.objects.get()) in found.replace("<wbr>", "")


def test_the_detail_shows_the_history_newest_first(operator, link):
    LinkEvent.objects.record("revoked", link=link.pk, reason="answer_lost", generation=1)
    LinkEvent.objects.record("disconnected", link=link.pk, revoked_at_buffer=True)
    history = page(operator, detail(link)).partition('id="events-group"')[2]
    told = ["Buffer has withdrawn the permission.", "and with it the connection.", ">connected<"]
    places = [history.index(text) for text in told]
    assert places == sorted(places)


@pytest.mark.long
def test_who_may_view_links_sees_their_history(viewer, link):
    assert 'id="events-group"' in page(viewer, detail(link))


def test_nothing_can_be_edited(operator, link):
    found = page(operator, detail(link))
    inputs = set(re.findall(r'<(?:input|select|textarea)[^>]*name="([^"]+)"', found))
    assert {name for name in inputs if not name.startswith("events-")} <= {"csrfmiddlewaretoken"}
    assert 'name="_save"' not in found
    assert operator.post(detail(link), {"status": "revoked"}).status_code == 403
    assert operator.get(f"{LIST}add/").status_code == 403


@pytest.mark.long
@pytest.mark.parametrize(
    "query", ["", "?q=member", "?q=account-1", "?status__exact=active", "?kind__exact=oauth"]
)
def test_the_list_can_be_searched_and_filtered(operator, link, query):
    assert "1 Buffer link" in page(operator, LIST + query)


@pytest.mark.long
@pytest.mark.parametrize("query", ["?q=nobody", "?status__exact=revoked", "?q=%25"])
def test_what_does_not_fit_is_not_found(operator, link, query):
    assert "1 Buffer link" not in page(operator, LIST + query)


def test_no_two_filters_offer_a_choice_of_one_name(operator, link):
    filters = page(operator, LIST).partition('id="changelist-filter"')[2].split("<details")[1:]
    choices = [re.findall(r'<a href="[^"]*">(.*?)</a>', each) for each in filters]
    names = [name for each in choices for name in each if name != "All"]
    assert "connected" in names
    assert sorted(names) == sorted({*names})


def test_all_is_not_offered_where_all_is_shown(operator, link):
    assert "Show all" not in page(operator, LIST)
    assert "Show all" not in page(operator, f"{LIST}?o=1")


@pytest.mark.long
@pytest.mark.parametrize(
    "query",
    ["q=member", "status__exact=active", "refreshing=connected", "status_changed_at__year=2000"],
)
def test_all_is_offered_where_the_list_is_narrowed(operator, link, query):
    assert "Show all" in page(operator, f"{LIST}?{query}")


def test_a_link_is_found_by_what_an_account_without_a_name_is_called(operator, link):
    put(link, account_name="", account_email="")
    code = str(BufferLink.objects.get()).split()[2]
    assert "1 Buffer link" in page(operator, f"{LIST}?q={code}")


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


@pytest.mark.long
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


@pytest.mark.long
@pytest.mark.parametrize("query", ["", "?q=user", "?status__exact=active", "?refreshing=connected"])
def test_the_list_takes_as_many_queries_for_many_links(operator, sandbox, link, query):
    before = queries_for(operator, LIST + query)
    for number in range(30):
        user = get_user_model().objects.create_user(f"user{number}")
        link_to(sandbox, user, account=f"account-{number}")
    assert queries_for(operator, LIST + query) == before <= 7


@pytest.mark.long
def test_the_detail_takes_as_many_queries_for_many_events(operator, link):
    before = queries_for(operator, detail(link))
    for _ in range(30):
        LinkEvent.objects.record("resent", link=link.pk, generation=1)
    assert queries_for(operator, detail(link)) == before


def test_staff_who_may_not_view_links_see_none(link):
    client = staff_browser(name="staff")
    assert client.get(LIST).status_code == 403
    assert client.get(detail(link)).status_code == 403


@pytest.mark.long
def test_who_may_only_view_finds_no_action(viewer, link):
    assert 'name="action"' not in page(viewer, LIST)
    assert page(viewer, detail(link))
    assert viewer.post(delete_page(link), {"post": "yes"}).status_code == 403


@pytest.mark.long
def test_who_may_ask_for_something_may_look(link):
    client = staff_browser("change_bufferlink")
    assert client.get(LIST).status_code == 200
    assert client.get(detail(link)).status_code == 200
