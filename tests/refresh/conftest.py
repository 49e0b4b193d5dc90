"""Fixtures of the tests of refreshing."""

import time
from datetime import timedelta

import pytest

from buffer_connect import flows
from tests.links import age, link_to, make_due
from tests.processes import starting
from tests.refresh.steps import TOKEN_AND_QUARANTINE, wait_for_request
from tests.transport.raw_server import RawServer


@pytest.fixture
def start(sandbox, database_url):
    """Return a function that starts a process of the site: `start(job, *arguments)`."""
    with starting(database_url) as start_one:
        yield start_one


@pytest.fixture
def patient(settings):
    """Let callers and requests to the API wait for as long as a busy machine takes."""
    timing = {name: timedelta(seconds=50) for name in ("CALL_WAIT", "API")}
    timing = {**settings.BUFFER_CONNECT["TIMING"], **timing}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}


@pytest.fixture
def slow_until(sandbox, monkeypatch):
    """Return a function: slow answers wait until so many requests for tokens have come."""

    def slow_until(times):
        def wait(seconds):
            return seconds > 0 and wait_for_request(sandbox, times)

        monkeypatch.setattr(sandbox._application, "_pause", wait)

    return slow_until


@pytest.fixture
def link(sandbox, user):
    """A link that is due."""
    link = link_to(sandbox, user)
    make_due(link)
    return link


@pytest.fixture
def in_doubt(sandbox, link):
    """The `link` of the tests: Buffer did not use its token, nobody here knows, and now it may be
    sent again."""
    sandbox.fail_next("outage")
    flows.sweep()
    age(link, **TOKEN_AND_QUARANTINE)
    sandbox.forget_requests()
    return link


@pytest.fixture
def swept(settings):
    """Return a function that sweeps while a server runs a script; return the server."""

    def swept(script, tls=None, within=30):
        with RawServer(script, tls) as server:
            endpoints = {"token": f"{server.url}/token", "introspection": None}
            settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENDPOINTS": endpoints}
            started = time.monotonic()
            flows.sweep()
            assert time.monotonic() - started < within
        return server

    return swept
