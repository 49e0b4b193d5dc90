"""`ReconnectMiddleware`: prompts for views that decorate nothing."""

import pytest

from buffer_connect.exceptions import AmbiguousLink, LinkRevoked
from buffer_connect.middleware import ReconnectMiddleware
from tests.links import link_to
from tests.people import Person
from tests.test_decorators import HTMX, JSON, asked
from tests.test_exceptions import through_json

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.site_views")]


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def browser(settings, person):
    ours = "buffer_connect.middleware.ReconnectMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, ours]
    return person.client


@pytest.fixture
def dead(sandbox, link):
    """A link whose user removed it at Buffer; nobody here knows."""
    sandbox.revoke_account("account-1")
    return link


def test_a_view_that_works_is_left_alone(browser, link):
    assert browser.get("/bare/").content == b"account-1"


def test_a_dead_link_leads_a_page_to_connect(browser, dead):
    response = browser.get("/bare/")
    assert response.status_code == 303
    assert asked(response["Location"])[1] == {"link": [str(dead.uid)], "next": ["/bare/"]}


def test_a_dead_link_is_a_401_for_a_script(browser, dead):
    response = browser.get("/bare/", headers=JSON)
    assert (response.status_code, response.json()["reason"]) == (401, "revoked_at_buffer")
    assert asked(response.json()["connect_url"])[1] == {"link": [str(dead.uid)]}


def test_a_dead_link_is_a_401_for_htmx(browser, dead):
    response = browser.get("/bare/", headers=HTMX)
    assert response.status_code == 401
    assert asked(response["HX-Redirect"])[1]["link"] == [str(dead.uid)]


def test_without_a_link_the_user_goes_to_connect(browser):
    assert asked(browser.get("/bare/")["Location"])[1] == {"next": ["/bare/"]}


def test_missing_scopes_are_asked(browser, link):
    type(link).objects.update(granted_scopes=["account:read"])
    assert asked(browser.get("/bare/")["Location"])[1]["scope"] == ["posts:read"]


def test_a_template_that_is_rendered_after_the_view_is_covered(browser, settings, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "account.html").write_text("{{ account }}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert browser.get("/template/").status_code == 303


def test_an_anonymous_visitor_cannot_cure_somebodys_link(browser, client, dead):
    with pytest.raises(LinkRevoked):
        client.get("/any/")


def test_another_user_cannot_cure_somebodys_link(browser, sandbox, other_user, dead):
    with pytest.raises(LinkRevoked):
        Person(sandbox, other_user).client.get("/any/")


def test_several_links_are_the_views_to_choose_from(browser, sandbox, user, link):
    link_to(sandbox, user, account="account-2")
    with pytest.raises(AmbiguousLink):
        browser.get("/bare/")


def test_an_error_out_of_a_celery_result_passes_through(rf, user, link):
    request = rf.get("/")
    request.user = user
    middleware = ReconnectMiddleware(lambda request: None)
    error = LinkRevoked(link, "expired")
    assert middleware.process_exception(request, error).status_code == 303
    assert middleware.process_exception(request, through_json(error)) is None
