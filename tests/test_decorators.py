"""`@buffer_link_required`: before the view, around it, and the way back."""

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.http import HttpResponse

from buffer_connect.decorators import buffer_link_required
from buffer_connect.exceptions import LinkRevoked, NotLinked, TokenUnavailable
from buffer_connect.models import BufferLink
from tests.links import held, key_of, link_to
from tests.people import API_KEY, CONNECT, LINKS, Person
from tests.test_exceptions import through_json

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.site_views")]

AWAITED = ["/awaited/", "/awaited-class/", "/awaited-by-method/"]
EVERY_FORM = ["/decorated/", "/class/", "/method/", *AWAITED]
JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/board/"}


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def browser(person):
    return person.client


@pytest.fixture
def atomic_requests():
    databases = connections[BufferLink.written_on()].settings_dict
    databases["ATOMIC_REQUESTS"] = True
    yield
    databases["ATOMIC_REQUESTS"] = False


def end(link, reason="revoked_at_buffer", status="revoked"):
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.filter(pk=link.pk).update(status=status, reason=reason, **nothing)


def asked(address):
    """Return the path of an address and what stands in its query."""
    parts = urlsplit(address)
    return parts.path, parse_qs(parts.query)


@pytest.mark.parametrize("path", EVERY_FORM)
def test_a_view_runs_with_the_users_link(browser, link, path):
    assert browser.get(path).content == b"account-1"


@pytest.fixture
def dead_key(sandbox, user, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ALLOW_API_KEYS": True}
    link = key_of(sandbox, user)
    BufferLink.objects.filter(pk=link.pk).update(status="revoked", reason="unauthorized")


def test_whose_key_has_ended_is_led_to_where_it_is_replaced(browser, dead_key):
    address = browser.get("/decorated/")["Location"]
    assert asked(address) == (API_KEY, {"next": ["/decorated/"]})


def test_a_script_is_told_that_a_key_has_to_be_replaced(browser, dead_key):
    told = browser.get("/decorated/", headers=JSON).json()
    assert told["connect_url"] == f"http://testserver{API_KEY}"
    assert told["detail"].endswith("For this, replace the API key.")


@pytest.mark.parametrize("path", EVERY_FORM)
def test_without_a_link_the_user_goes_to_connect(browser, path):
    response = browser.get(path, {"page": "2"})
    assert response.status_code == 303
    assert asked(response["Location"]) == (
        CONNECT,
        {"scope": ["posts:read"], "next": [f"{path}?page=2"]},
    )


@pytest.mark.parametrize("path", EVERY_FORM)
def test_an_anonymous_user_goes_to_the_login_page(client, settings, path):
    settings.LOGIN_URL = "/sign-in/"
    assert client.get(path)["Location"] == f"/sign-in/?next={path}"


def test_an_ended_link_is_to_be_reconnected(browser, link):
    end(link)
    assert asked(browser.get("/decorated/")["Location"])[1] == {
        "scope": ["posts:read"],
        "link": [str(link.uid)],
        "next": ["/decorated/"],
    }


def test_missing_scopes_are_asked_for_the_link_that_lacks_them(browser, link):
    assert asked(browser.get("/writing/")["Location"])[1] == {
        "scope": ["posts:write"],
        "link": [str(link.uid)],
        "next": ["/writing/"],
    }


@pytest.mark.parametrize("path", EVERY_FORM)
def test_a_link_that_dies_in_the_view_is_to_be_reconnected(browser, sandbox, link, path):
    sandbox.revoke_account("account-1")
    response = browser.get(path)
    assert response.status_code == 303
    assert asked(response["Location"])[1]["link"] == [str(link.uid)]
    assert not held(link).is_active


def test_a_dead_link_is_a_401_with_the_address_for_a_script(browser, sandbox, link):
    sandbox.revoke_account("account-1")
    response = browser.get("/decorated/", headers={**JSON, "Referer": "http://testserver/board/"})
    document = response.json()
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'BufferConnect realm="Buffer"'
    assert (document["error"], document["reason"]) == ("link_revoked", "revoked_at_buffer")
    assert "Buffer ended the connection" in document["detail"]
    assert asked(document["connect_url"])[1] == {
        "scope": ["posts:read"],
        "link": [str(link.uid)],
        "next": ["http://testserver/board/"],
    }
    assert document["connect_url"].startswith(f"http://testserver{CONNECT}?")


def test_a_dead_link_is_a_401_that_leads_htmx_to_connect(browser, sandbox, link):
    sandbox.revoke_account("account-1")
    response = browser.get("/decorated/", headers=HTMX)
    path, query = asked(response["HX-Redirect"])
    assert response.status_code == 401
    assert (path, query["next"]) == (CONNECT, ["http://testserver/board/"])
    assert response["HX-Redirect"].replace("&", "&amp;") in response.content.decode()
    assert "<html" not in response.content.decode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "application/json, text/plain, */*"}, 401),
        ({"Accept": "text/html;q=0.5, application/json"}, 401),
        ({"Accept": "text/html, application/json;q=0.9"}, 303),
        ({"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, 303),
        ({"Accept": "*/*"}, 303),
        ({}, 303),
        ({"HX-Request": "true", "Accept": "*/*"}, 401),
        ({"HX-Request": "true", "Accept": "application/json"}, 401),
    ],
)
def test_the_form_of_a_prompt_is_what_the_caller_takes(browser, headers, status):
    assert browser.get("/decorated/", headers=headers).status_code == status


def test_a_caller_that_sends_json_gets_json(browser):
    response = browser.post("/decorated/", {}, content_type="application/json")
    assert response.json()["error"] == "not_linked"
    assert response.json()["reason"] is None


def test_missing_scopes_are_named_to_scripts(browser, link):
    document = browser.get("/writing/", headers=JSON).json()
    assert document["error"] == "missing_scope"
    assert "create and change posts" in document["detail"]


@pytest.mark.parametrize("headers", [JSON, HTMX, {}])
def test_no_prompt_is_kept_by_a_cache(browser, headers):
    response = browser.get("/decorated/", headers=headers)
    assert "no-store" in response["Cache-Control"]


def test_a_form_leads_back_to_the_page_it_stood_on(browser):
    response = browser.post("/decorated/", headers={"Referer": "http://testserver/compose/"})
    assert response.status_code == 303
    assert asked(response["Location"])[1]["next"] == ["http://testserver/compose/"]


@pytest.mark.parametrize("referrer", ["https://elsewhere.example/", "//elsewhere.example", ""])
def test_a_form_of_elsewhere_leads_to_the_sites_default(browser, referrer):
    response = browser.post("/decorated/", headers={"Referer": referrer})
    assert "next" not in asked(response["Location"])[1]


def test_a_boosted_link_leads_back_to_the_page_that_was_asked(browser):
    response = browser.get("/decorated/", headers={**HTMX, "HX-Boosted": "true"})
    assert asked(response["HX-Redirect"])[1]["next"] == ["/decorated/"]


def test_an_address_that_is_too_long_is_left_out(browser):
    response = browser.get("/decorated/", {"page": "x" * 2000})
    assert "next" not in asked(response["Location"])[1]


def test_the_prompt_leads_through_buffer_and_back(person):
    address = person.client.get("/decorated/")["Location"]
    assert person.client.get(address).status_code == 200
    path, fields = asked(address)
    back = person.connect(fields=fields)
    assert (path, back["Location"]) == (CONNECT, "/decorated/")
    assert person.client.get("/decorated/").content == b"account-1"


def test_a_step_up_asks_what_was_granted_and_what_is_missing(person, link):
    fields = asked(person.client.get("/writing/")["Location"])[1]
    scopes = parse_qs(urlsplit(person.begin(**fields)).query)["scope"][0].split()
    assert set(scopes) == {"account:read", "offline_access", "posts:read", "posts:write"}


def test_after_a_step_up_the_view_runs(person, link):
    fields = asked(person.client.get("/writing/")["Location"])[1]
    person.connect(fields=fields)
    assert person.client.get("/writing/").content == b"written"
    assert BufferLink.objects.get().pk == link.pk


def test_who_declines_a_step_up_keeps_what_was_granted(person, sandbox, link):
    fields = asked(person.client.get("/writing/")["Location"])[1]
    back = person.connect(fields=fields, deny=True)
    row = held(link)
    assert (back.status_code, back["Location"]) == (303, LINKS)
    assert (row.status, row.granted_scopes) == ("active", link.granted_scopes)
    assert (row.epoch, row.generation) == (link.epoch, link.generation)
    assert person.client.get("/decorated/").content == b"account-1"


def test_who_leaves_the_missing_scope_out_is_prompted_again_but_not_in_a_circle(person, link):
    fields = asked(person.client.get("/writing/")["Location"])[1]
    back = person.connect(fields=fields, scopes=["account:read", "posts:read", "offline_access"])
    again = person.client.get(back["Location"])
    assert again.status_code == 303
    assert person.client.get(again["Location"]).status_code == 200


def test_a_scope_outside_the_settings_is_the_sites_to_mend(browser, link):
    with pytest.raises(ImproperlyConfigured, match="ideas:read"):
        browser.get("/beyond/")


def test_several_links_get_a_page_that_says_so(browser, sandbox, user, link):
    link_to(sandbox, user, account="account-2")
    response = browser.get("/decorated/")
    assert response.status_code == 409
    assert "Several of your Buffer accounts fit" in response.content.decode()
    assert f'href="{LINKS}"' in response.content.decode()
    assert response.content.decode().count("<li>Buffer account ") == 2
    assert str(link.uid) not in response.content.decode()


def test_several_links_get_a_document_for_scripts(browser, sandbox, user, link):
    link_to(sandbox, user, account="account-2")
    response = browser.get("/decorated/", headers=JSON)
    assert (response.status_code, response.json()["error"]) == (409, "ambiguous_link")
    assert response.json()["links_url"] == f"http://testserver{LINKS}"


def test_several_links_lead_htmx_to_the_links(browser, sandbox, user, link):
    link_to(sandbox, user, account="account-2")
    response = browser.get("/decorated/", headers=HTMX)
    assert (response.status_code, response["HX-Redirect"]) == (409, LINKS)


def test_an_argument_of_the_view_says_which_link(browser, sandbox, user, link):
    other = link_to(sandbox, user, account="account-2")
    assert browser.get(f"/links/{other.uid}/").content == str(other.pk).encode()
    assert browser.get(f"/names/{link.uid}/").content == str(link.pk).encode()


def test_an_ended_link_that_was_named_is_to_be_reconnected(browser, sandbox, user, link):
    link_to(sandbox, user, account="account-2")
    end(link)
    response = browser.get(f"/links/{link.uid}/")
    assert asked(response["Location"])[1]["link"] == [str(link.uid)]


def test_a_disconnected_link_that_was_named_is_to_be_connected_anew(browser, link):
    end(link, status="disconnected", reason="")
    response = browser.get(f"/links/{link.uid}/")
    assert asked(response["Location"])[1] == {"next": [f"/links/{link.uid}/"]}


def test_somebody_elses_link_is_not_found(sandbox, other_user, link):
    browser = Person(sandbox, other_user).client
    assert browser.get(f"/links/{link.uid}/").status_code == 404
    assert browser.get(f"/links/{uuid4()}/").status_code == 404
    assert browser.get("/names/nonsense/").status_code == 404


def test_a_path_without_the_argument_is_the_sites_to_mend(browser, link):
    with pytest.raises(ImproperlyConfigured, match="uid"):
        browser.get("/no-argument/")


def test_what_the_user_cannot_cure_passes_through(browser, link):
    with pytest.raises(TokenUnavailable):
        browser.get("/unavailable/")


def test_a_view_may_handle_its_errors_itself(browser, sandbox, link):
    sandbox.revoke_account("account-1")
    assert browser.get("/handled/").content == b"handled"


def test_a_link_that_vanished_in_the_view_is_to_be_connected_anew(browser, rf, user, link):
    @buffer_link_required()
    def view(request):
        raise LinkRevoked(request.buffer_link, BufferLink.Status.DISCONNECTED)

    request = rf.get("/view/")
    request.user = user
    assert asked(view(request)["Location"])[1] == {"next": ["/view/"]}


def test_an_error_about_somebody_elses_link_passes_through(rf, user, other_user, sandbox, link):
    foreign = link_to(sandbox, other_user, account="account-2")

    @buffer_link_required()
    def view(request):
        raise LinkRevoked(foreign, "expired")

    request = rf.get("/view/")
    request.user = user
    with pytest.raises(LinkRevoked):
        view(request)


@pytest.mark.parametrize("kind", ["link", "user"])
def test_an_error_out_of_a_celery_result_passes_through(rf, user, link, kind):
    error = LinkRevoked(link, "expired") if kind == "link" else NotLinked(user)

    @buffer_link_required()
    def view(request):
        raise through_json(error)

    request = rf.get("/view/")
    request.user = user
    with pytest.raises(type(error)):
        view(request)


@pytest.mark.django_db(transaction=True)
def test_what_the_view_wrote_is_rolled_back(browser, user, link, atomic_requests):
    assert browser.get("/writes/").status_code == 303
    user.refresh_from_db()
    assert user.first_name == ""


@pytest.mark.django_db(transaction=True)
def test_without_atomic_requests_nothing_is_rolled_back(browser, user, link):
    assert browser.get("/writes/").status_code == 303
    user.refresh_from_db()
    assert user.first_name == "Changed"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_link_that_dies_under_atomic_requests_stays_ended(
    browser, sandbox, link, atomic_requests
):
    sandbox.revoke_account("account-1")
    assert browser.get("/decorated/").status_code == 303
    assert held(link).reason == "revoked_at_buffer"


def test_one_query_finds_the_link(rf, user, link, django_assert_num_queries):
    request = rf.get("/")
    request.user = user
    with django_assert_num_queries(1):
        buffer_link_required("posts:read")(lambda request: HttpResponse())(request)


def test_forgotten_parentheses_are_named():
    with pytest.raises(TypeError, match="takes scopes"):
        buffer_link_required(lambda request: HttpResponse())


def test_a_decorated_view_keeps_its_name_and_marks():
    def view(request):
        """Says what it does."""

    view.csrf_exempt = True
    decorated = buffer_link_required()(view)
    assert (decorated.__name__, decorated.__doc__) == ("view", "Says what it does.")
    assert decorated.csrf_exempt


def test_not_linked_inside_the_view_asks_what_the_decorator_asks(browser, link):
    response = browser.get("/not-linked-inside/")
    assert asked(response["Location"])[1] == {"next": ["/not-linked-inside/"]}
