"""What a user is told and what is logged when a request that was right comes to nothing."""

import contextlib
import logging
from datetime import timedelta
from html import unescape

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection

from buffer_connect.conf import NAMES
from buffer_connect.flows.refresh import breaker
from buffer_connect.models import AuthorizationRequest, BufferLink

pytestmark = pytest.mark.django_db

INFO, WARNING, ERROR = logging.INFO, logging.WARNING, logging.ERROR


def told(person):
    return unescape(person.links_page())


def levels(caplog):
    return [each.levelno for each in caplog.records if each.name.startswith("buffer_connect")]


@pytest.fixture(autouse=True)
def every_record(caplog):
    caplog.set_level(logging.DEBUG, "buffer_connect")


@pytest.mark.long
@pytest.mark.parametrize(
    ("error", "text", "level"),
    [
        ("access_denied", "You did not allow access at Buffer.", INFO),
        ("invalid_request", "Buffer did not accept how this site asked.", ERROR),
        ("invalid_client", "Buffer did not accept this site.", ERROR),
        ("invalid_grant", "Buffer ended the request.", ERROR),
        ("invalid_scope", "Buffer does not offer something that this site asked for.", ERROR),
        ("temporarily_unavailable", "Buffer could not finish the request.", ERROR),
        ("<b>new</b>\r\nerror", "Buffer could not finish the request.", ERROR),
    ],
)
def test_an_authorization_error_is_told_once_on_the_links_page(
    person, sandbox, caplog, error, text, level
):
    sandbox.fail_next("oauth_error", on="authorization", error=error)
    response = person.connect(fields={"next": "/there/"})
    assert (response.status_code, response["Location"]) == (303, "/buffer/")
    assert levels(caplog) == [level]
    assert text in told(person)
    assert text not in told(person)


def test_who_says_no_finds_nothing_stored(person, sandbox):
    person.connect(deny=True)
    assert not BufferLink.objects.exists()
    assert sandbox.requests_to("token") == []
    assert AuthorizationRequest.objects.get().verifier is None


def test_buffers_own_words_are_shown_escaped_and_short(person, sandbox):
    words = "<script>x</script>" + "y" * 300
    sandbox.fail_next("oauth_error", on="authorization", error="server_error", description=words)
    person.connect()
    page = person.links_page()
    assert "<script>" not in page
    assert "&lt;script&gt;x&lt;/script&gt;" + "y" * 182 in page
    assert "y" * 183 not in page


def test_provider_text_cannot_break_a_log_line(person, sandbox, caplog):
    sandbox.fail_next("oauth_error", on="authorization", error="x\r\nfake=line\x1b[2J")
    person.connect()
    assert "error=x\\r\\nfake=line\\x1b[2J" in caplog.text


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "options", "text", "level"),
    [
        ("oauth_error", {"error": "invalid_grant"}, "permission was no longer good", ERROR),
        ("invalid_client", {}, "Buffer did not accept this site.", ERROR),
        ("oauth_error", {"error": "invalid_request"}, "did not accept this site.", ERROR),
        ("rate_limit", {}, "too many requests from this site.", WARNING),
        ("error_before", {}, "Buffer gave no usable answer.", WARNING),
        ("error_after", {}, "Buffer gave no usable answer.", WARNING),
        ("lose_answer", {}, "Buffer gave no usable answer.", WARNING),
        ("html", {}, "Buffer gave no usable answer.", WARNING),
        ("cut", {}, "Buffer gave no usable answer.", WARNING),
        (
            "alter",
            {"changes": {"token_type": "mac"}},
            "Buffer gave no usable answer.",
            WARNING,
        ),
    ],
)
def test_a_failed_exchange_is_told_and_never_repeated(
    person, sandbox, caplog, fault, options, text, level
):
    sandbox.fail_next(fault, **options)
    response = person.connect(fields={"next": "/there/"})
    assert (response.status_code, response["Location"]) == (303, "/buffer/")
    assert len(sandbox.requests_to("token")) == 1
    assert text in told(person)
    assert level in levels(caplog)
    assert max(levels(caplog)) == level
    assert not BufferLink.objects.exists()
    assert AuthorizationRequest.objects.get().outcome == "failed"


def test_an_unreachable_token_endpoint_is_told(person, sandbox, change):
    change(ENDPOINTS={"token": "http://127.0.0.1:1/token"})
    person.connect()
    assert "Buffer could not be reached." in told(person)


def test_a_refused_client_stops_the_refreshing_and_a_good_exchange_starts_it(person, sandbox):
    sandbox.fail_next("invalid_client")
    person.connect()
    assert breaker.is_open()
    person.connect()
    assert not breaker.is_open()


def test_a_code_that_is_refused_says_that_the_client_is_not(person, sandbox):
    breaker.open_()
    sandbox.fail_next("oauth_error", error="invalid_grant")
    person.connect()
    assert not breaker.is_open()


def test_a_good_exchange_writes_nothing_while_all_is_well(person):
    def busy(execute, sql, params, many, context):
        if "buffer_connect_servicestate" in sql and not sql.lstrip().startswith("SELECT"):
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(busy):
        person.connect()
    assert BufferLink.objects.get().is_active


@pytest.mark.long
@pytest.mark.parametrize("fault", ["outage", "error_before", "html"])
def test_the_account_query_is_tried_twice(person, sandbox, fault):
    sandbox.fail_next(fault, on="api")
    person.connect()
    assert len(sandbox.requests_to("api")) == 2
    assert BufferLink.objects.get().is_active


@pytest.mark.long
@pytest.mark.parametrize("fault", ["outage", "error_before", "html"])
def test_without_an_account_nothing_is_stored_and_nothing_revoked(person, sandbox, fault):
    sandbox.fail_next(fault, on="api", times=None)
    person.connect()
    assert "Buffer did not say which account it is." in told(person)
    assert len(sandbox.requests_to("api")) == 2
    assert not BufferLink.objects.exists()
    assert not sandbox.grants[0].revoked
    assert sandbox.requests_to("revocation") == []


@pytest.mark.long
def test_a_slow_account_query_is_given_up(person, sandbox, change):
    change(TIMING={"API": timedelta(milliseconds=100)})
    sandbox.fail_next("slow", on="api", times=None, seconds=1)
    person.connect()
    assert "Buffer did not say which account it is." in told(person)


def test_a_rate_limit_of_the_account_query_is_not_tried_against(person, sandbox):
    sandbox.fail_next("rate_limit", on="api")
    person.connect()
    assert len(sandbox.requests_to("api")) == 1
    assert not BufferLink.objects.exists()


def test_without_permission_to_see_the_account_nothing_is_stored(person):
    person.connect(scopes=["posts:read", "offline_access"])
    assert "leave that permission ticked" in told(person)
    assert not BufferLink.objects.exists()


def test_a_verifier_that_cannot_be_opened_ends_the_request(person, sandbox, change):
    query = person.decide(person.begin())
    change(ENCRYPTION_KEYS=["other:d9yVMvLhT4PwTSlI7cZ0OHOSIbB5WZPY2ZDUQCfCcXk="])
    person.come_back(query)
    assert "Buffer did not accept this site." in told(person)
    assert sandbox.requests_to("token") == []


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_that_is_wrong_costs_no_grant(person, sandbox, change, settings, name):
    right = settings.BUFFER_CONNECT
    query = person.decide(person.begin())
    change(**{name: 0.5})
    with contextlib.suppress(ImproperlyConfigured):
        person.come_back(query)
    settings.BUFFER_CONNECT = right
    assert BufferLink.objects.active().exists() or sandbox.requests_to("token") == []
    person.come_back(query)
    assert BufferLink.objects.active().exists()


def test_a_failure_leaves_the_link_that_is_there(person, sandbox):
    person.connect()
    sandbox.fail_next("error_after")
    person.connect()
    link = BufferLink.objects.get()
    assert (link.is_active, link.generation) == (True, 1)
