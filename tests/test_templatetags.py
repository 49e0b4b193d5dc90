"""The tags: the way to Buffer, what is wrong, and the accounts, on the site's own pages."""

import re
from datetime import timedelta
from functools import partial
from html import unescape
from unittest import mock

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, RequestContext, Template
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from buffer_connect import wording
from buffer_connect.models import BufferLink
from tests.links import key_of, link_to
from tests.people import API_KEY, CONNECT, LINKS
from tests.test_pages import dashes, words

pytestmark = pytest.mark.django_db

WRITING = '"posts:write"'


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def tag(rf, user):
    """Render a tag with its arguments on a page of `visitor`."""

    def rendered(name, arguments="", *, visitor=user, **request):
        page = rf.get("/page/?of=site", **request)
        page.user = visitor
        source = f"{{% load buffer_connect %}}{{% {name} {arguments} %}}"
        return Template(source).render(RequestContext(page)).strip()

    return rendered


@pytest.fixture
def button(tag):
    return partial(tag, "buffer_connect_button")


@pytest.fixture
def banner(tag):
    return partial(tag, "buffer_connect_banner")


@pytest.fixture
def accounts(tag):
    return partial(tag, "buffer_connect_accounts")


def end(link, **changed):
    nothing = {"refresh_token": None, "access_token": None}
    ended = {"status": "revoked", "reason": "expired", **nothing, **changed}
    BufferLink.objects.filter(pk=link.pk).update(**ended)


def label(html):
    return re.search(r"<button>(.*)</button>", html)[1]


def fields(html):
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)
    return [pair for pair in found if pair[0] != "csrfmiddlewaretoken"]


def test_without_a_link_it_connects(button):
    html = button()
    assert label(html) == "Connect Buffer"
    assert f'<form method="post" action="{CONNECT}"' in html
    assert fields(html) == [("next", "/page/?of=site")]


def test_it_carries_a_csrf_token(button):
    assert re.search(r'name="csrfmiddlewaretoken" value="\w+"', button())


def test_with_a_link_there_is_nothing_to_do(button, link):
    assert button() == button('"posts:read"') == ""


def test_an_ended_link_is_reconnected(button, link):
    end(link)
    html = button()
    assert label(html) == "Reconnect Buffer"
    assert fields(html) == [("next", "/page/?of=site"), ("link", str(link.uid))]


def test_a_disconnected_link_is_connected_anew(button, link):
    end(link, status="disconnected", reason="")
    assert label(button()) == "Connect Buffer"


def test_missing_scopes_are_allowed(button, link):
    html = button('"posts:read" "posts:write" next="/posts/"')
    assert label(html) == "Allow more at Buffer"
    assert fields(html) == [
        ("next", "/posts/"),
        ("link", str(link.uid)),
        ("scope", "posts:write"),
    ]


def test_of_several_links_one_is_enough(button, link, sandbox, user):
    link_to(sandbox, user, account="account-2")
    assert button() == ""


def test_who_is_not_signed_in_sees_nothing(button):
    assert button(visitor=AnonymousUser()) == ""


def test_on_the_answer_to_a_form_it_leads_to_the_forms_page(rf, user):
    page = rf.post("/save/", headers={"Referer": "http://testserver/page/"})
    page.user = user
    html = Template("{% load buffer_connect %}{% buffer_connect_button %}").render(
        RequestContext(page)
    )
    assert fields(html) == [("next", "http://testserver/page/")]


def test_what_stands_in_it_is_escaped(button):
    html = button("next=request.headers.Remark", headers={"Remark": '/"><x>'})
    assert fields(html) == [("next", "/&quot;&gt;&lt;x&gt;")]


def test_a_scope_outside_the_settings_is_the_sites_to_mend(button):
    with pytest.raises(ImproperlyConfigured, match="ideas:read"):
        button('"ideas:read"')


@pytest.mark.parametrize("name", ["button", "banner", "accounts"])
def test_without_the_request_a_tag_says_what_is_missing(name):
    page = Template(f"{{% load buffer_connect %}}{{% buffer_connect_{name} %}}")
    with pytest.raises(ImproperlyConfigured, match=r"context_processors\.request"):
        page.render(Context())


def test_its_template_can_be_replaced(button, settings, tmp_path):
    (tmp_path / "buffer_connect").mkdir()
    (tmp_path / "buffer_connect" / "button.html").write_text("{% if cure %}Mine{% endif %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert button() == "Mine"


@pytest.mark.parametrize("links", [1, 5])
def test_one_query_shows_that_all_is_well(button, sandbox, user, links, django_assert_num_queries):
    for number in range(1, links + 1):
        link_to(sandbox, user, account=f"account-{number}")
    with django_assert_num_queries(1):
        button()


def test_two_queries_tell_how_a_link_ended(button, link, django_assert_num_queries):
    end(link)
    with django_assert_num_queries(2):
        button()


def test_pressing_it_leads_to_buffer(person, button):
    posted = dict(fields(button()))
    response = person.client.post(reverse("buffer_connect:connect"), posted)
    assert response["Location"].startswith(person.sandbox.url)


def address(html):
    return unescape(re.search(r'<a href="([^"]*)"', html)[1])


def test_the_banner_says_which_link_ended_and_why(banner, link):
    end(link, account_name="A <name>", reason="answer_lost")
    html = banner()
    assert "A &lt;name&gt;: " in html
    assert str(wording.REASONS["answer_lost"]) in html
    assert address(html) == f"{CONNECT}?link={link.uid}&next=%2Fpage%2F%3Fof%3Dsite"


def test_the_banner_is_a_landmark_with_a_name(banner, link):
    end(link)
    assert 'role="region" aria-label="Buffer account"' in banner()


def test_the_banner_carries_no_form_style_or_script(banner, link):
    end(link)
    assert not re.search(r"<form|<script|style=|\son\w+=", banner())


def test_the_banner_tells_an_ended_link_beside_an_active_one(banner, link, sandbox, user):
    end(link_to(sandbox, user, account="account-2"), account_name="The other")
    assert "The other: " in banner()


@pytest.mark.parametrize("gone", ["oauth", "api_key"])
def test_the_banner_is_silent_while_a_key_or_a_connection_of_the_account_works(
    banner, link, sandbox, user, gone
):
    key_of(sandbox, user)
    nothing = {"refresh_token": None, "refresh_due_at": None, "access_token": None}
    BufferLink.objects.filter(kind=gone).update(status="revoked", reason="unauthorized", **nothing)
    assert banner() == ""


def test_of_several_ended_links_the_banner_tells_the_last(banner, link, sandbox, user):
    end(link_to(sandbox, user, account="account-2"), account_name="The last")
    end(link, account_name="The first", status_changed_at=timezone.now() - timedelta(days=1))
    assert "The last: " in banner()


def test_the_banner_says_which_scopes_are_missing(banner, link):
    html = banner('"posts:read" "posts:write"')
    assert "create and change posts." in html
    assert "see posts" not in html
    assert address(html).startswith(f"{CONNECT}?scope=posts%3Awrite&link={link.uid}&next=")


def test_of_several_links_one_with_the_scopes_is_enough(banner, link, sandbox, user):
    wide = link_to(sandbox, user, account="account-2")
    BufferLink.objects.filter(pk=wide.pk).update(granted_scopes=["posts:write"])
    link_to(sandbox, user, account="account-3")
    assert banner('"posts:write"') == ""


def test_the_banner_shows_nothing_where_all_is_well(banner, link):
    assert banner() == banner('"posts:read"') == ""


def test_the_banner_urges_nobody_to_link(banner, link):
    end(link, status="disconnected", reason="")
    assert banner('"posts:write"') == ""


def test_the_banner_is_not_for_who_is_not_signed_in(banner, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert banner(visitor=AnonymousUser()) == ""


def test_the_banner_is_not_about_other_peoples_links(banner, link, other_user):
    end(link)
    assert banner(visitor=other_user) == ""


def test_the_banner_passes_over_links_of_another_instance(banner, link, instance):
    end(link, instance="production")
    instance("staging")
    assert banner() == ""


@pytest.mark.long
@pytest.mark.parametrize("links", [0, 1, 5])
@pytest.mark.parametrize("status", ["active", "revoked"])
def test_the_banner_takes_one_query(
    banner, sandbox, user, links, status, django_assert_num_queries
):
    for number in range(links):
        end(link_to(sandbox, user, account=f"account-{number}"), status=status)
    with django_assert_num_queries(1):
        banner('"posts:write"')


def test_the_banners_address_leads_to_the_connect_page(person, banner, link):
    end(link)
    assert person.client.get(address(banner())).status_code == 200


def test_without_an_account_one_can_be_connected(accounts):
    html = accounts()
    assert "No Buffer account is connected yet." in html
    assert label(html) == "Connect a Buffer account"
    assert fields(html) == [("next", "/page/?of=site")]


def test_an_active_account_says_what_the_site_may_do(accounts, link):
    BufferLink.objects.update(account_name="A <name>")
    html = accounts()
    assert "<strong>A &lt;name&gt;</strong> (connected)" in html
    assert "This site may: see the account, see posts, stay connected" in html
    assert f'<a href="{LINKS}{link.uid}/disconnect/">Disconnect A &lt;name&gt;</a>' in html
    assert re.findall("<button>(.*)</button>", html) == ["Connect another account"]


def test_an_ended_account_says_why_and_can_be_reconnected(accounts, link):
    end(link, account_name="An account", reason="answer_lost")
    html = accounts('next="/settings/"')
    assert str(wording.REASONS["answer_lost"]) in html
    assert label(html) == "Reconnect An account"
    assert fields(html)[:2] == [("next", "/settings/"), ("link", str(link.uid))]


def test_an_account_that_the_api_refused_can_be_checked(accounts, link):
    BufferLink.objects.update(status="revoked", reason="unauthorized", account_name="An account")
    html = accounts()
    assert f'action="{LINKS}{link.uid}/check/"' in html
    assert label(html) == "Check An account again"


def test_an_account_that_ends_by_itself_says_when(accounts, sandbox, user):
    link_to(sandbox, user, refreshable=False)
    assert "this connection ends by itself" in accounts()


def test_an_account_with_an_api_key_does_not_end_and_may_do_all(accounts, sandbox, user):
    key_of(sandbox, user)
    assert "This site may: do everything in the account." in accounts()


def test_an_account_of_another_instance_can_only_be_reconnected(accounts, link, instance):
    end(link, status="active", instance="production")
    instance("staging")
    html = accounts()
    assert "belongs to another copy of this site" in html
    assert "/disconnect/" not in html


def test_every_form_of_the_accounts_carries_a_csrf_token(accounts, link):
    BufferLink.objects.update(status="revoked", reason="unauthorized")
    html = accounts()
    assert html.count("<form") == html.count('name="csrfmiddlewaretoken"') == 3


def test_the_accounts_are_not_for_who_is_not_signed_in(accounts):
    assert accounts(visitor=AnonymousUser()) == ""


@pytest.fixture
def dead_key(sandbox, user, settings):
    """A link by API key that Buffer refuses, on a site that takes keys."""
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ALLOW_API_KEYS": True}
    link = key_of(sandbox, user)
    gone = {"status": "revoked", "reason": "unauthorized", "account_name": "An account"}
    BufferLink.objects.filter(pk=link.pk).update(**gone)
    return link


@pytest.mark.parametrize("name", ["button", "banner", "accounts"])
def test_a_dead_key_leads_to_where_it_is_replaced(tag, dead_key, name):
    html = tag(f"buffer_connect_{name}")
    assert address(html) == f"{API_KEY}?next=%2Fpage%2F%3Fof%3Dsite"
    assert "econnect" not in html.replace("buffer_connect", "").replace("buffer-connect", "")


@pytest.mark.parametrize("name", ["button", "banner", "accounts"])
def test_where_no_keys_are_taken_a_dead_key_can_be_reconnected(tag, dead_key, settings, name):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ALLOW_API_KEYS": False}
    html = tag(f"buffer_connect_{name}")
    assert "Reconnect" in html
    assert API_KEY not in html


@pytest.mark.long
@pytest.mark.parametrize("name", ["button", "banner", "accounts"])
@pytest.mark.parametrize("elsewhere", ["", "production"])
def test_what_a_tag_says_of_a_dead_key_can_be_translated(tag, dead_key, instance, name, elsewhere):
    BufferLink.objects.update(account_name="-", instance=elsewhere)
    instance("staging")
    with mock.patch("django.utils.translation._trans.gettext", dashes), override("en"):
        html = tag(f"buffer_connect_{name}")
    assert words(f"<main>{html}") == set()


@pytest.mark.parametrize("links", [0, 1, 5])
def test_the_accounts_take_one_query(accounts, sandbox, user, links, django_assert_num_queries):
    for number in range(links):
        link_to(sandbox, user, account=f"account-{number}")
    with django_assert_num_queries(1):
        accounts()


@pytest.mark.long
@pytest.mark.parametrize("name", ["buffer_connect_banner", "buffer_connect_accounts"])
@pytest.mark.parametrize("changed", [{}, {"reason": "unauthorized"}, {"status": "active"}])
def test_all_that_a_tag_says_can_be_translated(tag, link, name, changed):
    end(link, account_name="-", **changed)
    with mock.patch("django.utils.translation._trans.gettext", dashes), override("en"):
        html = tag(name)
    assert words(f"<main>{html}") == set()


def test_what_the_banner_says_of_scopes_can_be_translated(banner, link):
    BufferLink.objects.update(account_name="-")
    with mock.patch("django.utils.translation._trans.gettext", dashes), override("en"):
        assert words(f"<main>{banner(WRITING)}") == set()
