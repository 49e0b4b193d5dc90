"""Sites of every make: middleware, transactions, apps left out, ASGI, users with a UUID."""

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client

from buffer_connect import signals
from buffer_connect.models import BufferLink
from tests.people import CALLBACK, CONNECT, LINKS, Person

pytestmark = pytest.mark.django_db

LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
MESSAGES = "django.contrib.messages"


@pytest.fixture(params=["required", "not required"])
def login(request, settings):
    """A site with and without LoginRequiredMiddleware."""
    added = [LOGIN_REQUIRED] if request.param == "required" else []
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *added]


def test_the_callback_never_leads_to_the_login_page(login, person):
    query = person.decide(person.begin())
    person.client.logout()
    response = person.come_back(query)
    assert response.status_code == 403
    assert "Location" not in response


def test_the_main_path_is_the_same(login, person):
    assert person.connect()["Location"] == LINKS
    assert BufferLink.objects.get().is_active


@pytest.mark.parametrize("path", [LINKS, CONNECT])
def test_the_other_pages_ask_to_sign_in(login, path):
    assert Client().get(path)["Location"] == f"/admin/login/?next={path}"


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.django_db(transaction=True)
def test_what_is_told_is_committed(sandbox, user, monkeypatch, atomic):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)
    blocks = []

    def note(**kwargs):
        blocks.append(connection.in_atomic_block)

    signals.link_connected.connect(note)
    response = Person(sandbox, user).connect()
    signals.link_connected.disconnect(note)
    assert response.status_code == 303
    assert blocks == [False]


@pytest.mark.django_db(transaction=True)
def test_a_failed_run_under_atomic_requests_stays_spent(sandbox, user, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    person = Person(sandbox, user)
    query = person.decide(person.begin())
    sandbox.fail_next("lose_answer")
    person.come_back(query)
    assert person.come_back(query).status_code == 400
    assert len(sandbox.requests_to("token")) == 1


@pytest.fixture
def bare_site(settings):
    """A site of the required apps only."""
    left_out = [MESSAGES, "django.contrib.admin", "django.contrib.staticfiles"]
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app not in left_out]
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if MESSAGES not in name]
    settings.ROOT_URLCONF = "tests.connect.bare_urls"
    settings.LOGIN_URL = "/login/"
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
    ]


def test_optional_apps_are_optional(bare_site, person):
    person.connect(scopes=["account:read"])
    page = person.client.get(LINKS)
    assert page.status_code == 200
    assert b"static/buffer_connect/buffer_connect.css" in page.content
    assert b"ends by itself soon" in page.content


@pytest.mark.parametrize("path", [CONNECT, f"{CALLBACK}?state=x"])
def test_their_pages_stand_without_them_too(bare_site, person, path):
    assert b"<h1>" in person.client.get(path).content


def test_under_asgi_the_query_is_taken_out_as_well(person, sandbox):
    query = person.decide(person.begin())
    client = AsyncClient()
    client.cookies = person.client.cookies
    response = async_to_sync(client.get)(CALLBACK, query)
    assert response.status_code == 303
    assert response.asgi_request.scope["query_string"] == b""
    assert response.asgi_request.get_full_path() == CALLBACK
    assert BufferLink.objects.get().is_active


def test_a_namespace_of_the_sites_own_is_kept(settings, person):
    settings.ROOT_URLCONF = "tests.connect.named_urls"
    query = person.decide(person.begin())
    assert person.come_back(query)["Location"] == "/buffer/"
    assert b'action="/buffer/connect/"' in person.client.get(LINKS).content
