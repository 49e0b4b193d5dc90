import pytest

from buffer_connect.sandbox import Sandbox
from tests.people import Person


@pytest.fixture
def public_person(settings, monkeypatch, user):
    """The user's browser, at a site that is a public client."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    ours = settings.BUFFER_CONNECT
    with Sandbox(client_id=ours["CLIENT_ID"], public_client=True) as buffer:
        settings.BUFFER_CONNECT = {
            **ours,
            "CLIENT_SECRET": None,
            "ISSUER": buffer.url,
            "API_URL": buffer.api_url,
        }
        yield Person(buffer, user)


@pytest.fixture
def change(settings):
    """Change keys of BUFFER_CONNECT."""

    def changed(**keys):
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **keys}

    return changed
