"""Async views under `@buffer_link_required`, and `ReconnectMiddleware` in an async stack."""

import asyncio
import inspect

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import AnonymousUser
from django.core.asgi import get_asgi_application
from django.db.backends.signals import connection_created
from django.http import HttpResponse
from django.test import AsyncClient, AsyncRequestFactory
from django.views import View

from buffer_connect.decorators import buffer_link_required
from buffer_connect.exceptions import LinkRevoked, TokenUnavailable
from buffer_connect.middleware import ReconnectMiddleware
from tests.awaiting import awaited, cancelled, until, wait_for_engine
from tests.links import age, held, link_to
from tests.refresh.steps import requests_to
from tests.test_decorators import AWAITED, JSON, asked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.site_views")]

OURS = "buffer_connect.middleware.ReconnectMiddleware"


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def browser(user):
    client = AsyncClient()
    client.force_login(user)
    return client


@pytest.fixture
def reconnecting(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, OURS]


def asked_by(person):
    """A request of `person`, as a view gets it."""

    async def auser():
        return person

    request = AsyncRequestFactory().get("/view/")
    request.user, request.auser = person, auser
    return request


@pytest.mark.parametrize("path", [*AWAITED, "/awaited-method/"])
def test_an_async_view_runs_with_the_users_link(browser, link, path):
    assert awaited(browser.get(path)).content == b"account-1"


@pytest.mark.long
@pytest.mark.parametrize("path", [*AWAITED, "/awaited-method/"])
def test_a_link_that_dies_in_an_async_view_is_to_be_reconnected(browser, sandbox, link, path):
    sandbox.revoke_account("account-1")
    response = awaited(browser.get(path))
    assert response.status_code == 303
    assert asked(response["Location"])[1]["link"] == [str(link.uid)]


@pytest.mark.long
@pytest.mark.parametrize("path", AWAITED)
def test_without_a_link_the_user_goes_to_connect(browser, path):
    response = awaited(browser.get(path))
    assert (response.status_code, asked(response["Location"])[0]) == (303, "/buffer/connect/")


def test_an_anonymous_visitor_goes_to_the_login_page(settings):
    settings.LOGIN_URL = "/sign-in/"
    response = awaited(AsyncClient().get("/awaited/"))
    assert response["Location"] == "/sign-in/?next=/awaited/"


def test_a_dead_link_is_a_401_with_the_address_for_a_script(browser, sandbox, link):
    sandbox.revoke_account("account-1")
    response = awaited(browser.get("/awaited/", headers=JSON))
    assert (response.status_code, response.json()["error"]) == (401, "link_revoked")


def test_a_method_that_a_class_does_not_have_is_refused_by_the_class(browser, link):
    assert awaited(browser.post("/awaited-class/")).status_code == 405


def test_an_argument_of_an_async_view_says_which_link(browser, sandbox, user, link):
    other = link_to(sandbox, user, account="account-2")
    response = awaited(browser.get(f"/awaited-links/{other.uid}/"))
    assert response.content == str(other.pk).encode()


def test_several_links_get_a_page_that_says_so(browser, sandbox, user, link):
    link_to(sandbox, user, account="account-2")
    assert awaited(browser.get("/awaited/")).status_code == 409


def test_a_view_may_be_called_with_a_request_of_the_factory(user, link):
    @buffer_link_required("posts:read")
    async def view(request):
        return request.buffer_link

    assert awaited(view(asked_by(user))) == link


def test_what_the_user_cannot_cure_passes_through(user, link):
    @buffer_link_required()
    class Unavailable(View):
        async def get(self, request):
            raise TokenUnavailable

    with pytest.raises(TokenUnavailable):
        awaited(Unavailable.as_view()(asked_by(user)))


def test_an_error_about_somebody_elses_link_passes_through(sandbox, user, other_user, link):
    foreign = link_to(sandbox, other_user, account="account-2")

    @buffer_link_required()
    async def view(request):
        raise LinkRevoked(foreign, "expired")

    with pytest.raises(LinkRevoked):
        awaited(view(asked_by(user)))


def test_a_decorated_async_view_keeps_its_name_and_is_one():
    @buffer_link_required()
    async def view(request):
        """Says what it does."""

    assert (view.__name__, view.__doc__) == ("view", "Says what it does.")
    assert inspect.iscoroutinefunction(view)


@pytest.mark.long
@pytest.mark.parametrize("path", ["/bare/", "/awaited-bare/"])
def test_the_middleware_prompts_in_an_async_stack(browser, reconnecting, sandbox, link, path):
    sandbox.revoke_account("account-1")
    response = awaited(browser.get(path))
    assert response.status_code == 303
    assert asked(response["Location"])[1] == {"link": [str(link.uid)], "next": [path]}


def test_the_middleware_takes_no_thread_for_a_view_that_works():
    async def view(request):
        return HttpResponse("as ever")

    async def without_threads():
        asyncio.get_running_loop().run_in_executor = None
        return await ReconnectMiddleware(view)(asked_by(AnonymousUser()))

    assert asyncio.run(without_threads()).content == b"as ever"


@pytest.mark.long
def test_a_client_that_goes_away_amid_a_refresh_loses_nothing(browser, sandbox, link, gate):
    age(link, hours=2)
    sandbox.fail_next("slow", seconds=60)

    async def go_away():
        getting = asyncio.create_task(browser.get("/awaited/"))
        await until(lambda: requests_to(sandbox))
        return await cancelled(getting)

    assert awaited(go_away())
    gate.set()
    wait_for_engine()
    assert (held(link).is_active, held(link).generation, requests_to(sandbox)) == (True, 2, 1)


def test_a_server_keeps_no_connection_of_a_request(browser, link):
    """As ASGI servers call Django; its test client does not end a request."""
    age(link, hours=2)
    opened = []
    cookie = browser.cookies.output(header="", attrs=[]).strip().encode()

    async def served():
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": "/awaited/",
            "query_string": b"",
            "headers": [(b"host", b"testserver"), (b"cookie", cookie)],
        }
        server = ApplicationCommunicator(get_asgi_application(), scope)
        await server.send_input({"type": "http.request"})
        start, body = [await server.receive_output(10) for _ in range(2)]
        await server.wait()
        return start["status"], body["body"]

    def note(connection, **facts):
        opened.append(connection)

    connection_created.connect(note)
    answer = asyncio.run(served())
    wait_for_engine()
    connection_created.disconnect(note)
    assert answer == (200, b"account-1")
    assert [each.connection for each in opened] == [None] * len(opened)
    assert len(opened) > 1
