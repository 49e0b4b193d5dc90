"""What staff may ask for in the admin: refresh now, check again, disconnect."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from buffer_connect import flows, signals
from buffer_connect.admin import actions
from buffer_connect.flows.refresh import breaker
from buffer_connect.models import BufferLink, PendingRevocation, ServiceState
from tests.links import held, link_to, make_due
from tests.staff import LIST, choose, confirm, messages_of, staff_browser

pytestmark = pytest.mark.django_db

OTHER_KEY = ["other:d9yVMvLhT4PwTSlI7cZ0OHOSIbB5WZPY2ZDUQCfCcXk="]
ACTIONS = ["refresh_now", "check_again", "disconnect"]


@pytest.fixture
def operator(db):
    """The browser of staff who may act."""
    return staff_browser("view_bufferlink", "change_bufferlink")


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def other_link(sandbox, other_user):
    return link_to(sandbox, other_user, account="account-2")


def ended(link, reason="unauthorized"):
    nothing = {} if reason == "unauthorized" else {"refresh_token": None, "access_token": None}
    BufferLink.objects.filter(pk=link.pk).update(status="revoked", reason=reason, **nothing)
    return link


def logged():
    """What the admin's log says of which link."""
    return list(LogEntry.objects.order_by("pk").values_list("object_id", "change_message"))


def test_refresh_now_lets_the_next_sweep_refresh(operator, link, sandbox):
    response = choose(operator, "refresh_now", link)
    assert "1 link will be refreshed by the next sweep." in messages_of(response)
    assert sandbox.requests == []
    flows.sweep()
    assert held(link).generation == 2


def test_refresh_now_keeps_the_place_of_what_is_due(operator, link):
    make_due(link)
    before = held(link).refresh_due_at
    response = choose(operator, "refresh_now", link)
    assert held(link).refresh_due_at == before
    assert any("was due already" in message for message in messages_of(response))


@pytest.mark.long
@pytest.mark.parametrize(
    "columns",
    [
        {"next_attempt_at": timezone.now() + timedelta(hours=1), "failures": 1},
        {"sent_generation": 1, "sent_at": timezone.now()},
    ],
)
def test_refresh_now_says_what_has_to_wait(operator, link, columns):
    BufferLink.objects.update(**columns)
    response = choose(operator, "refresh_now", link)
    assert any("has to wait" in message for message in messages_of(response))


def test_refresh_now_says_what_it_left_out(operator, link, other_link, sandbox, user):
    ended(other_link, "expired")
    lapsing = link_to(sandbox, user, account="account-3", refreshable=False)
    response = choose(operator, "refresh_now", link, other_link, lapsing)
    assert "1 link will be refreshed by the next sweep." in messages_of(response)
    assert any(message.startswith("2 links are left out") for message in messages_of(response))
    assert [pk for pk, _ in logged()] == [str(link.pk)]


@pytest.mark.long
def test_refresh_now_takes_as_many_queries_for_many_links(operator, link, sandbox, user):
    # A process asks for it once.
    ContentType.objects.get_for_model(BufferLink)
    before = queries_of(choose, operator, "refresh_now", link)
    links = [link_to(sandbox, user, account=f"account-{number}") for number in range(1, 21)]
    assert queries_of(choose, operator, "refresh_now", *links) == before
    assert len(logged()) == 1 + len(links)


def queries_of(act, *arguments):
    with CaptureQueriesContext(connection) as queries:
        act(*arguments)
    return len(queries)


def swept(ago):
    ServiceState.objects.create(name="beat", updated_at=timezone.now() - ago)


@pytest.mark.long
@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=20), r"The next sweep comes within (3\d|40) seconds\."),
        (timedelta(seconds=90), r"The next sweep is due now\."),
        (timedelta(hours=2), r"The last sweep was 2\xa0hours ago: look after Celery's beat"),
        (None, r"No sweep has run yet"),
    ],
)
def test_refresh_now_says_when_the_next_sweep_comes(operator, link, ago, said):
    if ago is not None:
        swept(ago)
    response = choose(operator, "refresh_now", link)
    assert re.match(said, messages_of(response)[-1])


def test_refresh_now_names_no_sweep_while_none_refreshes(operator, link):
    breaker.open_()
    response = choose(operator, "refresh_now", link)
    assert messages_of(response) == ["1 link will be refreshed by the next sweep."]


@pytest.mark.parametrize("action", ["check_again", "disconnect"])
def test_what_goes_out_to_buffer_asks_first(operator, link, sandbox, action):
    ended(link)
    page = choose(operator, action, link).content.decode()
    assert 'name="confirmed"' in page
    assert f'name="_selected_action" value="{link.pk}"' in page
    assert "1 link<" in page
    assert (held(link).status, sandbox.requests, logged()) == ("revoked", [], [])


def test_the_page_that_asks_names_accounts_and_users(operator, link):
    BufferLink.objects.update(account_name="Example <Shop>")
    page = choose(operator, "disconnect", link).content.decode()
    assert "Example &lt;Shop&gt;, linked by member" in page


def test_the_page_that_asks_leads_back_to_the_list(operator, link):
    page = choose(operator, "disconnect", link, query="?status__exact=active").content.decode()
    crumbs = page.partition('class="breadcrumbs"')[2].partition("</ol>")[0]
    links = re.findall(r'href="([^"]*)">([^<]*)<', crumbs)
    assert links[1:] == [("/admin/buffer_connect/", "Buffer"), (LIST, "Buffer links")]
    assert 'aria-current="page">Disconnect Buffer links?<' in crumbs
    assert f'href="{LIST}?status__exact=active">No, take me back<' in page


def test_the_page_that_asks_says_what_it_leaves_out(operator, link, other_link):
    ended(link)
    page = choose(operator, "check_again", link, other_link).content.decode()
    assert "1 link is left out: only what Buffer&#x27;s API refused" in page


def test_the_page_that_asks_has_no_script_or_style_of_its_own(operator, link):
    page = choose(operator, "disconnect", link).content.decode()
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page) == []
    assert "buffer_connect/admin.css" in page


@pytest.mark.long
def test_the_page_that_asks_stays_short_for_many_links(operator, sandbox, user):
    links = [link_to(sandbox, user, account=f"account-{number}") for number in range(25)]
    page = choose(operator, "disconnect", *links).content.decode()
    assert "25 links" in page
    assert page.count(", linked by member") == 20
    assert "and 5 more" in page


def test_all_links_of_a_filter_are_asked_about_and_answered_for(operator, link, other_link):
    ended(other_link, "expired")
    query = "?status__exact=active"
    page = choose(operator, "disconnect", link, query=query, select_across="1").content.decode()
    assert 'name="select_across" value="1"' in page
    confirm(operator, "disconnect", link, query=query, select_across="1")
    assert (held(link).status, held(other_link).status) == ("disconnected", "revoked")


def test_check_again_brings_a_link_back(operator, link):
    ended(link)
    response = confirm(operator, "check_again", link)
    assert held(link).is_active
    assert "Buffer accepts 1 link again." in messages_of(response)
    assert logged() == [(str(link.pk), "Check again: connected.")]


def test_check_again_says_that_nothing_has_changed(operator, link, sandbox):
    ended(link)
    sandbox.fail_next("graphql_error", on="api", status=401)
    response = confirm(operator, "check_again", link)
    assert "Buffer does not accept 1 link; only its user can reconnect it." in messages_of(response)
    assert logged() == [(str(link.pk), "Check again: still ended.")]


def test_check_again_stops_when_buffer_does_not_answer(operator, link, other_link, sandbox):
    ended(link)
    ended(other_link)
    sandbox.fail_next("outage", on="api", times=None)
    response = confirm(operator, "check_again", link, other_link)
    assert len(sandbox.requests) == 1
    assert [message.split(" ", 4)[:4] for message in messages_of(response)] == [
        ["Buffer", "gave", "no", "answer"],
        ["1", "link", "is", "as"],
    ]
    assert len(logged()) == 1


def test_check_again_says_that_a_key_is_missing(operator, link, settings):
    ended(link)
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENCRYPTION_KEYS": OTHER_KEY}
    response = confirm(operator, "check_again", link)
    assert "do not open: see ENCRYPTION_KEYS." in messages_of(response)[0]


def test_check_again_is_for_refused_links_only(operator, link, other_link):
    ended(other_link, "expired")
    response = choose(operator, "check_again", link, other_link)
    assert messages_of(response) == [
        "2 links are left out: only what Buffer's API refused can be checked again."
    ]


def test_disconnect_ends_a_link_here_and_at_buffer(operator, link, sandbox, heard):
    calls = heard(signals.link_disconnected)
    response = confirm(operator, "disconnect", link)
    assert held(link).status == "disconnected"
    assert [grant.revoked for grant in sandbox.grants] == [True]
    assert "1 link is disconnected, and Buffer has withdrawn its permission." in messages_of(
        response
    )
    assert [(call["revoked_at_buffer"], call["request"].path) for call in calls] == [(True, LIST)]


def test_disconnect_says_that_buffer_is_still_to_be_told(operator, link, sandbox):
    sandbox.fail_next("error_before", on="revocation")
    response = confirm(operator, "disconnect", link)
    assert "Buffer has not confirmed it" in messages_of(response)[0]
    assert PendingRevocation.objects.count() == 1


def test_disconnect_says_that_there_was_nothing_to_revoke(operator, link):
    ended(link, "expired")
    response = confirm(operator, "disconnect", link)
    assert "nothing to revoke" in messages_of(response)[0]


@pytest.mark.parametrize("keys", [OTHER_KEY, []])
def test_disconnect_says_that_buffer_cannot_be_told(operator, link, settings, keys):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENCRYPTION_KEYS": keys}
    response = confirm(operator, "disconnect", link)
    assert "does not open, so Buffer cannot be told" in messages_of(response)[0]
    assert held(link).status == "disconnected"


def test_disconnected_links_are_left_out(operator, link, other_link):
    confirm(operator, "disconnect", link)
    response = confirm(operator, "disconnect", link, other_link)
    assert "1 link is left out: it is disconnected already." in messages_of(response)
    assert len(logged()) == 2


def test_the_log_outlives_a_link_without_its_name(operator, link):
    BufferLink.objects.update(account_name="Example Shop", account_email="member@example.com")
    confirm(operator, "disconnect", link)
    assert LogEntry.objects.get().object_repr == str(link.uid)


@pytest.mark.parametrize("action", ["check_again", "disconnect"])
def test_what_takes_too_long_is_left_and_said(operator, link, other_link, monkeypatch, action):
    ended(link)
    ended(other_link)
    monkeypatch.setattr(actions, "GOES_ON_FOR", -1.0)
    response = confirm(operator, action, link, other_link)
    assert any("since it took too long" in message for message in messages_of(response))
    assert logged() == []


@pytest.mark.parametrize("action", ACTIONS)
def test_who_may_only_view_cannot_act(link, sandbox, action):
    ended(link)
    viewer = staff_browser("view_bufferlink", "delete_bufferlink")
    confirm(viewer, action, link)
    assert (held(link).status, sandbox.requests, logged()) == ("revoked", [], [])


def test_who_may_change_links_may_not_delete_them(operator, link):
    page = operator.get(LIST).content.decode()
    offered = set(re.findall(r'<option value="(\w+)"', page))
    assert offered == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_acting_takes_a_form_of_this_site(link, action):
    browser = staff_browser("change_bufferlink", enforce_csrf_checks=True)
    assert confirm(browser, action, link).status_code == 403


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", ["check_again", "disconnect"])
def test_atomic_requests_do_not_reach_what_is_sent(link, monkeypatch, sandbox, action):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    ended(link)
    seen = []
    watch = lambda **_: seen.append(transaction.get_connection().in_atomic_block)  # noqa: E731
    for signal in (signals.link_connected, signals.link_disconnected):
        signal.connect(watch, weak=False, dispatch_uid="atomic")
    try:
        confirm(staff_browser("change_bufferlink"), action, link)
    finally:
        for signal in (signals.link_connected, signals.link_disconnected):
            signal.disconnect(dispatch_uid="atomic")
    assert seen == [False]
