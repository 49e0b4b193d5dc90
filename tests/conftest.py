"""Fixtures of every test: a database of its own, users, and a local Buffer."""

import gc
import threading

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings

from buffer_connect.flows.refresh import introspection
from buffer_connect.sandbox import Sandbox
from example_project import databases
from tests import servers
from tests.people import Person

VENDORS = {"postgres": "postgresql", "mariadb": "mysql"}

# A busy machine is slow, not wrong.
hypothesis_settings.register_profile("tests", deadline=None, print_blob=True)
hypothesis_settings.load_profile("tests")


def pytest_collection_modifyitems(config, items):
    """Leave out what says nothing of the database in use."""
    left_out = {item for item in items if is_foreign(item) or is_said_on_sqlite(item)}
    if left_out:
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]


def is_foreign(item):
    """Whether a test speaks of another database."""
    spoken_of = {vendor for marker, vendor in VENDORS.items() if marker in item.keywords}
    return bool(spoken_of - {connection.vendor})


def is_said_on_sqlite(item):
    """Whether a test needs no database, so that it says on a server what it says on SQLite."""
    told_by = {*item.keywords, *item.fixturenames}
    is_told = not told_by.isdisjoint({"django_db", "db", "transactional_db", *VENDORS})
    # Django's own test cases ask for one without a word; TestCase is one of these.
    is_djangos = item.cls is not None and issubclass(item.cls, TransactionTestCase)
    return connection.vendor != "sqlite" and not (is_told or is_djangos)


def pytest_collection_finish():
    # What is there by now stays: the garbage collector need not go through it again and again.
    gc.freeze()


def pytest_runtest_setup(item):
    for marker, missing in servers.MISSING.items():
        if marker in item.keywords and (reason := missing()):
            give_up = pytest.fail if servers.REQUIRED else pytest.skip
            give_up(reason)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory, django_db_modify_db_settings_parallel_suffix):
    """Put SQLite's test database into a file: threads and processes share it."""
    database = site.DATABASES["default"]
    if database["ENGINE"] == databases.SQLITE:
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "tests.sqlite3")


@pytest.fixture
def database_url(transactional_db):
    """The URL of the test database, for another process's DATABASE_URL."""
    return databases.to_url(connection.settings_dict)


@pytest.fixture
def user(db):
    return get_user_model().objects.create_user("member", "member@example.com", "a-password")


@pytest.fixture
def other_user(db):
    return get_user_model().objects.create_user("visitor", "visitor@example.com", "a-password")


@pytest.fixture
def sandbox(settings, monkeypatch):
    """Start a local Buffer and point the settings at it."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    ours = settings.BUFFER_CONNECT
    client = {"client_id": ours["CLIENT_ID"], "client_secret": ours["CLIENT_SECRET"]}
    # A code lives longer than any test that holds it for a while.
    with Sandbox(code_life=600, **client) as buffer:
        settings.BUFFER_CONNECT = {**ours, "ISSUER": buffer.url, "API_URL": buffer.api_url}
        yield buffer


@pytest.fixture
def gate(sandbox, monkeypatch):
    """Let what the sandbox answers slowly wait until the test sets this event."""
    opened = threading.Event()
    monkeypatch.setattr(
        sandbox._application,
        "_pause",
        lambda seconds: seconds > 0 and opened.wait(min(seconds, 60)),
    )
    yield opened
    opened.set()


@pytest.fixture(autouse=True)
def learn_nothing(monkeypatch):
    """Let each test begin as a process that has asked nothing: ports, and so endpoints, come again.

    Returns a function that lets it begin anew.
    """

    def learn_nothing():
        monkeypatch.setattr(introspection, "_TRUSTED", {})
        monkeypatch.setattr(introspection, "_SILENT_UNTIL", {})

    learn_nothing()
    return learn_nothing


@pytest.fixture
def instance(settings):
    """Become another instance of the site, for one looks at the same rows: `instance("staging")`."""

    def become(name):
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "INSTANCE": name}

    return become


@pytest.fixture
def heard():
    """Listen to a signal: `heard(signal)` returns the list that its calls are added to."""
    listening = []

    def listen(signal):
        calls = []

        def receiver(sender, **facts):
            calls.append(facts)

        signal.connect(receiver)
        listening.append((signal, receiver))
        return calls

    yield listen
    for signal, receiver in listening:
        signal.disconnect(receiver)


@pytest.fixture
def person(sandbox, user):
    """The user's browser."""
    return Person(sandbox, user)
