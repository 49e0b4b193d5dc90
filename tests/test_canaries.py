"""No secret in any sink: a whole story is played, and everything it wrote is searched.

The canaries are the secrets themselves: tokens, codes, states, verifiers, the client secret and
the key, as they are and as URLs encode them.
"""

import json
import logging
import sys
from contextlib import contextmanager
from datetime import timedelta
from html import escape
from http.client import HTTPConnection
from urllib.parse import parse_qs, quote, quote_plus

import pytest
from django.conf import settings as site
from django.core.management import CommandError, call_command
from django.core.signals import got_request_exception
from django.db import DatabaseError, connection
from django.db.models import F
from django.forms.renderers import DjangoTemplates
from django.urls import reverse
from django.views.debug import ExceptionReporter

from buffer_connect import flows, tasks
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import BufferConnectError
from buffer_connect.flows.refresh import breaker
from buffer_connect.models import (
    AuthorizationRequest,
    BufferLink,
    LinkEvent,
    PendingRevocation,
)
from buffer_connect.schedule import beat_schedule
from tests.keys import NEW, OLD, hold, kids_of, rotate
from tests.links import age, held, key_of, link_to, make_due, tokens_of
from tests.people import Person
from tests.refresh.steps import RESEAL

QUERY = "query { account { id } }"
SENT = ("state", "code", "code_verifier", "refresh_token", "client_secret", "token")
SHORTEST = 12


class Sinks(logging.Handler):
    """All that was written anywhere."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
        self.texts = []

    def emit(self, record):
        self.texts.append(self.format(record))
        self.texts.append(repr(record.__dict__))

    def add(self, *texts):
        self.texts += [str(text) for text in texts]

    def add_response(self, response):
        self.add(response.content.decode(), dict(response.items()))
        return response


@pytest.fixture
def sinks():
    """Listen to every logger at DEBUG, however quiet it was told to be."""
    handler, root = Sinks(), logging.getLogger()
    names = ["oauthlib", "requests_oauthlib", "urllib3", "celery", "django", "buffer_connect"]
    loggers = [root, *(logging.getLogger(name) for name in names)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def person(sandbox, user):
    return Person(sandbox, user, raise_request_exception=False)


@pytest.fixture
def reports(sinks):
    """Write Django's error report of every request that fails, as page and as mail."""

    def report(sender, request=None, **_):
        sinks.add(*error_reports(request, sys.exc_info()))

    got_request_exception.connect(report)
    yield
    got_request_exception.disconnect(report)


def error_reports(request, exc_info):
    for is_email in (False, True):
        reporter = ExceptionReporter(request, *exc_info, is_email=is_email)
        yield reporter.get_traceback_html()
        yield reporter.get_traceback_text()


@contextmanager
def full_disk(*words):
    """Let the database fail at the statement that holds all of `words`."""

    def fail(execute, sql, params, many, context):
        if all(word in sql for word in words):
            raise DatabaseError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield


def secrets_of(sandbox):
    """Return what must not show: all that the server gave or saw, and the site's own."""
    found = {site.BUFFER_CONNECT["CLIENT_SECRET"]}
    found.update(entry.partition(":")[2] for entry in site.BUFFER_CONNECT["ENCRYPTION_KEYS"])
    for grant in sandbox.grants:
        found.update(token.value for token in [*grant.refresh_tokens, *grant.access_tokens])
    for request in sandbox.requests:
        for part in (request.query, request.body.decode()):
            found.update(value for name in SENT for value in parse_qs(part).get(name, []))
    forms = {form for value in found for form in (value, quote(value, safe=""), quote_plus(value))}
    return {form for form in forms if len(form) >= SHORTEST}


def leaks(sinks, sandbox, *more):
    written = "\n".join(sinks.texts)
    return {secret[:8] for secret in {*secrets_of(sandbox), *more} if secret in written}


def test_the_search_finds_what_is_there(sandbox, person, sinks):
    sinks.add(person.begin())
    assert leaks(sinks, sandbox) == set()
    query = person.decide(person.begin())
    person.come_back(query)
    logging.getLogger("anything").debug("code=%s", query["code"])
    assert leaks(sinks, sandbox) == {query["code"][:8]}


def test_connecting_writes_no_secret(sandbox, person, sinks):
    for fault in ({}, {"error": "invalid_scope"}, {"error": "never_heard_of"}):
        if fault:
            sandbox.fail_next("oauth_error", on="authorization", **fault)
        sinks.add_response(person.connect())
    sinks.add_response(person.connect(deny=True))
    for kind in ("invalid_client", "html", "lose_answer"):
        sandbox.fail_next(kind)
        sinks.add_response(person.connect())
    sandbox.fail_next("outage", 2, on="api")
    sinks.add_response(person.connect())
    query = person.decide(person.begin())
    sinks.add_response(person.come_back(query | {"iss": "https://elsewhere.example"}))
    sinks.add_response(Person(sandbox).come_back(query))
    sinks.add(person.links_page(), *map(repr, AuthorizationRequest.objects.all()))
    assert leaks(sinks, sandbox, query["state"], query["code"]) == set()


def test_refreshing_and_calling_write_no_secret(sandbox, user, sinks):
    link = link_to(sandbox, user)
    for fault in ("rate_limit", "html", "error_before", "cut", "invalid_client"):
        sandbox.fail_next(fault)
        make_due(link)
        flows.sweep()
        age(link, hours=3)
    sandbox.revoke_account("account-1")
    for _ in range(3):
        with pytest.raises(BufferConnectError) as raised:
            BufferClient(link).execute(QUERY)
        sinks.add(*error_reports(None, raised._excinfo))
        sinks.add(raised.value, repr(raised.value), raised.value.__dict__)
        age(link, hours=3)
    sinks.add(repr(held(link)), BufferClient(link), *LinkEvent.objects.all())
    assert leaks(sinks, sandbox) == set()


def test_rotating_keys_writes_no_secret(sandbox, user, other_user, settings, sinks):
    hold(settings, OLD)
    damaged, link = link_to(sandbox, user), link_to(sandbox, other_user)
    BufferLink.objects.filter(pk=damaged.pk).update(access_token=link.access_token)
    hold(settings, NEW, OLD)
    with full_disk(RESEAL), pytest.raises(CommandError) as raised:
        call_command("buffer_rotate_keys")
    sinks.add(rotate("--dry-run")[1], rotate("--verbosity", "2")[1])
    sinks.add(*error_reports(None, raised._excinfo))
    assert kids_of(link)[0] == "new"
    assert leaks(sinks, sandbox) == set()


def test_disconnecting_writes_no_secret(sandbox, person, sinks):
    faults = ["outage", "rate_limit", "html", "invalid_client", "cut"]
    for fault in (*faults, "oauth_error"):
        sandbox.fail_next(fault, on="revocation")
        person.connect()
        link = BufferLink.objects.get()
        address = reverse("buffer_connect:disconnect", args=[link.uid])
        sinks.add_response(person.client.get(address))
        sinks.add_response(person.client.post(address))
        breaker.close()
        sinks.add(person.links_page(), *map(repr, PendingRevocation.objects.all()))
        age_outbox(days=1)
    flows.clean_up()
    assert len(sandbox.requests_to("revocation")) > len(faults)
    assert leaks(sinks, sandbox) == set()


def forms_of(key):
    written = key, quote(key, safe=""), json.dumps(key)[1:-1], repr(key)[1:-1]
    return {*written, *map(escape, written)}


@pytest.fixture
def allowed(settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ALLOW_API_KEYS": True}


def test_pasting_a_key_writes_no_secret(sandbox, person, allowed, sinks):
    key = sandbox.issue_key()
    for fault in ("outage", "rate_limit", "html", "graphql_error"):
        sandbox.fail_next(fault, on="api")
        sinks.add_response(person.paste(key))
    sinks.add_response(person.paste(f"{key} {key}"))
    sinks.add_response(person.paste(key))
    link = BufferLink.objects.get()
    sinks.add(person.links_page(), repr(link), BufferClient(link), *LinkEvent.objects.all())
    sandbox.delete_key(key)
    with pytest.raises(BufferConnectError) as raised:
        BufferClient(link).execute(QUERY)
    # The first frame is this test's, which knows the key.
    sinks.add(*error_reports(None, (raised.type, raised.value, raised.tb.tb_next)))
    person.client.post(reverse("buffer_connect:disconnect", args=[link.uid]))
    assert key in sandbox.requests_to("api")[-1].bearer_token
    assert leaks(sinks, sandbox, *forms_of(key)) == set()


@pytest.mark.long
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    "statement",
    [
        ("INSERT", "buffer_connect_bufferlink"),
        ("UPDATE", "buffer_connect_bufferlink", "generation = 1"),
        ("INSERT", "buffer_connect_linkevent"),
    ],
)
def test_an_error_report_of_a_pasted_key_holds_no_secret(
    sandbox, person, settings, allowed, sinks, reports, debug, statement
):
    settings.DEBUG = debug
    key = sandbox.issue_key()
    with full_disk(*statement):
        response = sinks.add_response(person.paste(key))
    assert response.status_code == 500
    assert "the disk is full" in "\n".join(sinks.texts)
    assert leaks(sinks, sandbox, *forms_of(key)) == set()


class BrokenForms(DjangoTemplates):
    """A site's own templates of forms, with a mistake in that of password fields."""

    def render(self, template_name, context, request=None):
        if "password" in template_name:
            raise TypeError("the template is broken")
        return super().render(template_name, context, request)


@pytest.mark.long
@pytest.mark.parametrize("debug", [True, False])
def test_an_error_report_of_a_key_that_was_sent_back_holds_none_of_it(
    person, settings, allowed, sinks, reports, debug
):
    settings.FORM_RENDERER = f"{__name__}.BrokenForms"
    settings.DEBUG = debug
    response = sinks.add_response(person.paste("a-canary-key with-a-blank"))
    assert response.status_code == 500
    assert "the template is broken" in "\n".join(sinks.texts)
    assert "a-canary-key" not in "\n".join(sinks.texts)


@pytest.mark.long
@pytest.mark.parametrize("step", ["putheader", "endheaders"])
def test_an_error_report_of_a_call_that_breaks_down_holds_no_secret(
    sandbox, person, allowed, sinks, reports, monkeypatch, step
):
    def break_down(*args):
        if step == "endheaders" or args[1] == "Authorization":
            raise RuntimeError("the library is broken")

    monkeypatch.setattr(HTTPConnection, step, break_down)
    key = sandbox.issue_key()
    response = sinks.add_response(person.paste(key))
    assert response.status_code == 500
    assert "the library is broken" in "\n".join(sinks.texts)
    assert leaks(sinks, sandbox, *forms_of(key)) == set()


def age_outbox(**by):
    ago = timedelta(**by)
    PendingRevocation.objects.update(next_attempt_at=F("next_attempt_at") - ago)


@pytest.mark.long
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    "statement",
    [
        ("UPDATE", "disconnected"),
        ("INSERT", "buffer_connect_pendingrevocation"),
        ("INSERT", "buffer_connect_linkevent"),
        ("UPDATE", "buffer_connect_pendingrevocation"),
        ("DELETE", "buffer_connect_pendingrevocation"),
    ],
)
def test_an_error_report_of_a_disconnect_holds_no_secret(
    sandbox, person, settings, sinks, reports, debug, statement
):
    settings.DEBUG = debug
    person.connect()
    link = BufferLink.objects.get()
    with full_disk(*statement):
        response = sinks.add_response(
            person.client.post(reverse("buffer_connect:disconnect", args=[link.uid]))
        )
    assert response.status_code == 500
    assert "the disk is full" in "\n".join(sinks.texts)
    assert leaks(sinks, sandbox) == set()


def test_the_admin_shows_no_secret(sandbox, user, admin_client, sinks):
    link, key = link_to(sandbox, user), key_of(sandbox, user)
    sinks.add_response(admin_client.get(reverse("admin:buffer_connect_bufferlink_changelist")))
    for each in (key, link):
        change = reverse("admin:buffer_connect_bufferlink_change", args=[each.pk])
        page = sinks.add_response(admin_client.get(change)).content.decode()
        assert str(each.uid) in page
    assert link.refresh_token_digest not in page
    assert leaks(sinks, sandbox, *forms_of(tokens_of(key)[0])) == set()


def test_a_dump_holds_no_secret(sandbox, user, capsys, sinks):
    link_to(sandbox, user)
    key = key_of(sandbox, user)
    call_command("dumpdata")
    sinks.add(capsys.readouterr().out)
    assert "bufferlink" in sinks.texts[-1]
    assert leaks(sinks, sandbox, *forms_of(tokens_of(key)[0])) == set()


def test_tasks_take_no_arguments():
    assert not any("args" in entry or "kwargs" in entry for entry in beat_schedule().values())
    for task in (tasks.refresh_due_links, tasks.clean_up):
        with pytest.raises(TypeError):
            task("an-argument")


@pytest.mark.long
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    "statement",
    [
        ("UPDATE", "buffer_connect_authorizationrequest"),
        ("INSERT", "buffer_connect_bufferlink"),
        ("UPDATE", "buffer_connect_bufferlink", "generation = 1"),
        ("INSERT", "buffer_connect_linkevent"),
    ],
)
def test_an_error_report_of_the_callback_holds_no_secret(
    sandbox, person, settings, sinks, reports, debug, statement
):
    settings.DEBUG = debug
    query = person.decide(person.begin())
    with full_disk(*statement):
        response = sinks.add_response(person.come_back(query))
    assert response.status_code == 500
    assert "the disk is full" in "\n".join(sinks.texts)
    assert leaks(sinks, sandbox, query["state"], query["code"]) == set()


@pytest.mark.long
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("words", [("lease_owner =",), ("sent_count =",), ("generation + 1",)])
def test_an_error_report_of_a_refresh_holds_no_secret(sandbox, user, settings, sinks, debug, words):
    settings.DEBUG = debug
    link = link_to(sandbox, user)
    age(link, hours=2)
    with full_disk(*words), pytest.raises(DatabaseError) as raised:
        BufferClient(link).execute(QUERY)
    sinks.add(*error_reports(None, raised._excinfo))
    assert leaks(sinks, sandbox) == set()
