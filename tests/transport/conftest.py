"""Fixtures of the transport's tests: a scripted server as Buffer, and short times."""

import contextlib
from datetime import timedelta

import pytest

from buffer_connect.transport.process import WIRE
from tests.transport.raw_server import RawServer, self_signed


@pytest.fixture(autouse=True)
def insecure_transport(monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    yield
    WIRE.close()


@pytest.fixture
def configure(settings):
    """Return a function that changes keys of BUFFER_CONNECT."""

    def configure(**changes):
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **changes}

    return configure


@pytest.fixture
def timing(configure):
    """Return a function that sets keys of TIMING, in seconds."""

    def timing(**seconds):
        configure(
            TIMING={name.upper(): timedelta(seconds=value) for name, value in seconds.items()}
        )

    return timing


@pytest.fixture
def serve(configure):
    """Return a function that starts a server with a script and makes it Buffer."""
    with contextlib.ExitStack() as servers:

        def serve(script, tls=None):
            server = servers.enter_context(RawServer(script, tls))
            configure(ISSUER=server.url, API_URL=f"{server.url}/graphql?v=1")
            return server

        yield serve


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A server context for 127.0.0.1, and the file of its certificate."""
    return self_signed(tmp_path_factory.mktemp("certificate"))
