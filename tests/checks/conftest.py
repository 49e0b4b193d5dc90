"""A site on which every check passes, to be spoilt in one place."""

import pytest
from celery import Celery, _state

from buffer_connect import checks
from buffer_connect.schedule import beat_schedule
from buffer_connect.sealing import generate_entry

GOOD = {
    "CLIENT_ID": "app",
    "ENCRYPTION_KEYS": [generate_entry("2026-11")],
    "REDIRECT_URI": "https://site.example/buffer/callback/",
    "INSTANCE": "production",
}


def look():
    """Run all checks but those of the database; return (id, message) pairs."""
    messages = [
        message
        for check in (*checks.CHECKS, *checks.DEPLOY_CHECKS)
        for message in check(app_configs=None)
    ]
    return [(message.id.removeprefix("buffer_connect."), message) for message in messages]


@pytest.fixture
def no_celery_app(monkeypatch):
    """A process that has not imported the site's Celery app."""
    monkeypatch.setattr(_state, "default_app", None)
    monkeypatch.setattr(_state._tls, "current_app", None)


@pytest.fixture
def celery_app(no_celery_app):
    """Make a Celery app of the site, with these settings: `celery_app(accept_content=…)`."""

    def celery_app(**changes):
        app = Celery("site", fixups=[])
        app.conf.update(beat_schedule=beat_schedule(), **changes)
        return app

    return celery_app


@pytest.fixture
def site(settings, monkeypatch, no_celery_app):
    """Settings on which every check passes."""
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)
    settings.CELERY_BEAT_SCHEDULE = beat_schedule()
    settings.BUFFER_CONNECT = GOOD
    return settings


@pytest.fixture
def found(site):
    """Look at a site whose `BUFFER_CONNECT` has these changes: (id, message) pairs."""

    def found(**changes):
        site.BUFFER_CONNECT = {**GOOD, **changes}
        return look()

    return found


@pytest.fixture
def ids(site):
    """Look at the site as it is now: `ids()`."""
    return lambda: [number for number, _ in look()]
