"""The example site in front of the sandbox."""

import pytest

from buffer_connect import signals
from example_project import receivers


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
