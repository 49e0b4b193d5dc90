"""Chromium in front of the tests' site, which sends a strict policy with every page."""

import importlib
import os
from contextlib import closing
from datetime import timedelta

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.utils import timezone

from buffer_connect.models import BufferLink
from tests import servers
from tests.browser import policy
from tests.links import link_to
from tests.people import CALLBACK

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000
NO_TOKENS = {"refresh_token": None, "access_token": None}
# What makes a link fare otherwise than well.
STANDINGS = [
    {"refresh_token": None, "refresh_due_at": None},
    {"failures": 3, "last_error": "temporarily_unavailable"},
    {"sent_generation": 1, "failures": 1, "last_error": "ReadTimeout"},
    {"last_error": "KeyUnavailable"},
    {"status": "revoked", "reason": "refresh_token_reused", **NO_TOKENS},
    {"status": "disconnected", **NO_TOKENS},
]
SCOPES = ["account:read", "account:write", "posts:read", "posts:write", "offline_access"]
# Chromium's words for a page whose own status is an error, which is not the page's fault.
OWN_STATUS = "Failed to load resource"


def pytest_collection_modifyitems(items):
    """Come last: other tests' `async_to_sync` cannot stand the loop that Playwright leaves."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def chromium():
    # Playwright's loop belongs to this thread, so Django takes the whole thread for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    # Imported here, for the tests are collected where it is not installed too.
    playwright = importlib.import_module("playwright.sync_api")
    with playwright.sync_playwright() as drivers:
        browser = drivers.chromium.launch(executable_path=servers.CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def buffer(sandbox, settings, live_server):
    """Buffer, and the site in front of it, whose policy lets a form end there."""
    callback = f"{live_server.url}{CALLBACK}"
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "REDIRECT_URI": callback}
    settings.ROOT_URLCONF = "tests.browser.site"
    settings.SECURE_CSP = policy.strict(sandbox.url)
    return sandbox


@pytest.fixture
def keys_allowed(buffer, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ALLOW_API_KEYS": True}


@pytest.fixture
def complaints():
    """What the browser's console has said: errors, warnings and what the policy stopped."""
    return []


@pytest.fixture
def window(chromium, live_server, buffer, user, client, complaints):
    """The user's browser, signed in. A page that complains fails the test."""

    def listen(message):
        is_own = message.text.startswith(OWN_STATUS) and message.location["url"] == message.page.url
        if message.type in {"error", "warning"} and not is_own:
            complaints.append(message.text)

    client.force_login(user)
    session = {"name": site.SESSION_COOKIE_NAME, "value": client.session.session_key}
    with closing(chromium.new_context(base_url=live_server.url)) as context:
        context.set_default_timeout(PATIENCE)
        context.on("console", listen)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.add_cookies([{**session, "url": live_server.url}])
        yield context
    assert complaints == []


@pytest.fixture
def page(window):
    """One tab."""
    return window.new_page()


@pytest.fixture
def link(buffer, user):
    return link_to(buffer, user)


@pytest.fixture
def ended(link, buffer):
    """A link whose user has removed it at Buffer; nobody here knows yet."""
    buffer.revoke_account("account-1")
    return link


@pytest.fixture
def troubled(buffer):
    """Links of people with long names, one in each standing but the good one."""
    past = timezone.now() - timedelta(days=3)
    for number, columns in enumerate(STANDINGS, start=3):
        name = f"a.colleague.with.a.long.name.{number}@example.com"
        user = get_user_model().objects.create_user(name)
        link = link_to(buffer, user, account=f"account-{number}")
        account = f"Account number {number} of a customer" if number % 2 else ""
        facts = {"account_name": account, "last_refreshed_at": past, "granted_scopes": SCOPES}
        BufferLink.objects.filter(pk=link.pk).update(**{**facts, **columns})
