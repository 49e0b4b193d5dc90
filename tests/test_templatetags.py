"""`{% buffer_connect_button %}`: connect, reconnect, allow more, or nothing."""

import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, RequestContext, Template
from django.urls import reverse

from buffer_connect.models import BufferLink
from tests.links import link_to
from tests.people import CONNECT

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def button(rf, user):
    """Render the tag with its arguments on a page of `visitor`."""

    def rendered(arguments="", *, visitor=user, **request):
        page = rf.get("/page/?of=site", **request)
        page.user = visitor
        source = f"{{% load buffer_connect %}}{{% buffer_connect_button {arguments} %}}"
        return Template(source).render(RequestContext(page)).strip()

    return rendered


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


def test_without_the_request_it_says_what_is_missing():
    page = Template("{% load buffer_connect %}{% buffer_connect_button %}")
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
