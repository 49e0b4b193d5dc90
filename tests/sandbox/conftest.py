"""A sandbox of its own for each test, and a client that speaks plain HTTP to it."""

import pytest

from buffer_connect.sandbox import Sandbox
from tests.sandbox.client import Client


@pytest.fixture
def sandbox(request):
    """A sandbox with the options that a test may parametrize it with."""
    with Sandbox(**getattr(request, "param", {})) as sandbox:
        yield sandbox


@pytest.fixture
def make_client():
    """Make clients of other sandboxes; their connections are closed at the end."""
    clients = []

    def make(sandbox):
        clients.append(Client(sandbox))
        return clients[-1]

    yield make
    for client in clients:
        client.session.close()


@pytest.fixture
def client(make_client, sandbox):
    return make_client(sandbox)
