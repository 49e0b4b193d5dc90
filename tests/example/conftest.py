"""The example site in front of the sandbox."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from buffer_connect import signals
from example_project import receivers
from tests.processes import wait_for


@pytest.fixture
def site(settings, sandbox):
    """The example site in front of the sandbox."""
    settings.DEBUG = True
    settings.ROOT_URLCONF = "example_project.urls"
    settings.LOGIN_URL = "admin:login"
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "REDIRECT_URI": None}
    return sandbox


@pytest.fixture
def listening():
    """Connect the example's receivers for one test."""
    receivers.connect()
    yield
    signals.link_connected.disconnect(receivers.note_connected)
    signals.link_refreshed.disconnect(receivers.note_refreshed)
    signals.link_refresh_failed.disconnect(receivers.note_refresh_failed)
    signals.link_revoked.disconnect(receivers.note_revoked)
    signals.link_disconnected.disconnect(receivers.note_disconnected)


@pytest.fixture
def meeting(sandbox, gate):
    """Let Buffer answer two refreshes of a grant when both are there: `meeting(grant)`."""

    def open_for_two(grant):
        wait_for(lambda: sandbox.grant(grant.id).refresh_tokens[0].requests == 2, "two meet")
        gate.set()

    with ThreadPoolExecutor() as pool:

        def meet(grant):
            # Shorter than usual code waits for an answer, so that a lock would keep the second away.
            sandbox.fail_next("slow", times=2, seconds=5, grant=grant.id)
            pool.submit(open_for_two, grant)

        yield meet
