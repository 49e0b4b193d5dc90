"""No secret of a connect is in a log, an error report, a session or a signal's text."""

import logging
import sys

import pytest
from django.core.signals import got_request_exception
from django.db.models.signals import pre_save
from django.views.debug import ExceptionReporter

from buffer_connect.models import AuthorizationRequest, LinkEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def secrets(sandbox, settings):
    """Return what must not be seen, as the way back has it: code, state, verifier, keys, tokens."""

    def known(query):
        key = settings.BUFFER_CONNECT["ENCRYPTION_KEYS"][0].partition(":")[2]
        found = [query["state"], query["code"], key, "tests-client-secret"]
        begun = AuthorizationRequest.objects.exclude(verifier=None)
        return found + [request.open_verifier().reveal() for request in begun]

    def issued():
        grant = sandbox.grants[-1]
        return [token.value for token in (*grant.access_tokens, *grant.refresh_tokens)]

    known.issued = issued
    return known


@pytest.fixture
def reports():
    """Collect what Django would report of an unhandled exception."""
    taken = []

    def report(sender, request, **kwargs):
        reporter = ExceptionReporter(request, *sys.exc_info())
        taken.append(reporter.get_traceback_html() + reporter.get_traceback_text())

    got_request_exception.connect(report)
    yield taken
    got_request_exception.disconnect(report)


@pytest.fixture
def broken_site():
    """Let the site's own code fail while a link is stored."""

    def fail(**kwargs):
        raise RuntimeError("the site's own receiver")

    pre_save.connect(fail, sender=LinkEvent)
    yield
    pre_save.disconnect(fail, sender=LinkEvent)


def seen(text, hidden):
    return [secret for secret in hidden if secret in text]


@pytest.mark.long
@pytest.mark.parametrize("debug", [False, True])
def test_an_error_report_shows_none(
    person, sandbox, secrets, reports, broken_site, settings, debug
):
    query = person.decide(person.begin())
    hidden = secrets(query)
    settings.DEBUG = debug
    person.client.raise_request_exception = False
    address = {"REQUEST_URI": f"/buffer/callback/?{query['code']}", "RAW_URI": query_of(query)}
    page = person.come_back(query, **address)
    assert page.status_code == 500
    assert "the site&#x27;s own receiver" in reports[0]
    assert "_carry_out" in reports[0]
    assert seen(reports[0] + page.content.decode(), hidden + secrets.issued()) == []


def query_of(query):
    return f"/buffer/callback/?code={query['code']}&state={query['state']}"


def test_after_an_error_the_request_is_closed(person, broken_site):
    person.client.raise_request_exception = False
    person.connect()
    request = AuthorizationRequest.objects.get()
    assert (request.outcome, request.verifier) == ("failed", None)


@pytest.mark.parametrize("fault", [None, "oauth_error", "lose_answer", "html"])
def test_no_log_record_holds_one(person, sandbox, secrets, caplog, fault):
    caplog.set_level(logging.DEBUG)
    query = person.decide(person.begin())
    hidden = secrets(query)
    if fault:
        sandbox.fail_next(fault)
    person.come_back(query)
    person.come_back(query)
    person.client.logout()
    person.come_back(query)
    records = [f"{record.getMessage()} {vars(record)!r}" for record in caplog.records]
    assert records
    assert seen(" ".join(records), hidden + secrets.issued()) == []


def test_the_session_holds_none(person, secrets):
    query = person.decide(person.begin())
    hidden = secrets(query)
    person.come_back(query)
    assert seen(str(dict(person.client.session.items())), hidden + secrets.issued()) == []


def test_a_receivers_request_holds_none(person, secrets):
    query = person.decide(person.begin())
    hidden = secrets(query)
    request = person.come_back(query).wsgi_request
    assert seen(f"{request!r} {request.META} {request.GET}", hidden) == []
    assert request.get_full_path() == "/buffer/callback/"
