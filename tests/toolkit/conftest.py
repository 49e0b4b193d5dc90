"""Fixtures: one server for all tests of this folder, begun anew for each."""

import pytest

from tests.people import Person
from tests.processes import starting
from tests.toolkit.clients import CONFIDENTIAL, PUBLIC
from tests.toolkit.toolkit import Toolkit


@pytest.fixture(scope="session")
def toolkit_server(tmp_path_factory):
    server = Toolkit(tmp_path_factory.mktemp("toolkit"))
    yield server
    server.stop()


@pytest.fixture
def change(settings):
    """Change keys of BUFFER_CONNECT."""

    def changed(**keys):
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **keys}

    return changed


@pytest.fixture
def toolkit(toolkit_server, change, monkeypatch):
    """The server, with the site as its confidential client."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    toolkit_server.reset()
    change(**toolkit_server.settings, **CONFIDENTIAL)
    return toolkit_server


@pytest.fixture(params=[CONFIDENTIAL, PUBLIC], ids=["confidential", "public"])
def client_kind(request, toolkit, change):
    """The site as each kind of client."""
    change(**request.param)
    return request.param


@pytest.fixture
def person(toolkit, user):
    """The user's browser."""
    return Person(toolkit, user)


@pytest.fixture
def start(toolkit, database_url):
    """Return a function that starts a process of the site: `start(job, *arguments)`."""
    with starting(database_url) as start_one:
        yield start_one
