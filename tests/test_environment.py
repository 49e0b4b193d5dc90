"""A client with the API key of the environment: no link, no user, no database."""

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured

from buffer_connect.client import BufferClient
from buffer_connect.exceptions import (
    APIKeyRefused,
    BufferAPIError,
    BufferConnectError,
    BufferUnavailable,
)
from tests.test_canaries import error_reports, forms_of

QUERY = "query { account { id } }"


@pytest.fixture
def key(sandbox, monkeypatch):
    key = sandbox.issue_key()
    monkeypatch.setenv("BUFFER_API_KEY", key)
    return key


@pytest.fixture
def client_(key):
    return BufferClient.from_environment()


def test_it_calls_buffer_and_no_database(client_):
    assert client_.execute(QUERY) == {"account": {"id": "account-1"}}


def test_it_needs_no_setting_but_where_buffer_is(client_, sandbox, settings):
    settings.BUFFER_CONNECT = {"API_URL": sandbox.api_url}
    assert client_.execute(QUERY) == {"account": {"id": "account-1"}}


def test_it_hands_out_the_key(client_, key):
    assert client_.get_access_token() == key


def test_blanks_around_the_key_are_left_out(key, monkeypatch):
    monkeypatch.setenv("BUFFER_API_KEY", f" {key}\n")
    assert BufferClient.from_environment().get_access_token() == key


@pytest.mark.parametrize("value", [None, "", " ", "two words", "ключ"])
def test_a_variable_that_holds_no_key_says_what_to_do(monkeypatch, value):
    monkeypatch.delenv("BUFFER_API_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("BUFFER_API_KEY", value)
    with pytest.raises(ImproperlyConfigured, match="Set the environment variable BUFFER_API_KEY"):
        BufferClient.from_environment()


def test_a_key_that_buffer_does_not_accept_is_refused_once(sandbox, client_, key):
    sandbox.delete_key(key)
    with pytest.raises(APIKeyRefused, match="BUFFER_API_KEY"):
        client_.execute(QUERY)
    assert len(sandbox.requests_to("api")) == 1


def test_a_401_that_a_script_reports_is_a_refusal(client_, key):
    with pytest.raises(APIKeyRefused):
        client_.report_unauthorized(key)


def test_unauthorized_in_a_200_is_the_callers_to_judge(sandbox, client_):
    sandbox.fail_next("graphql_error", on="api", code="UNAUTHORIZED")
    with pytest.raises(BufferAPIError):
        client_.execute(QUERY)


def test_an_outage_is_one(sandbox, client_):
    sandbox.fail_next("outage", on="api")
    with pytest.raises(BufferUnavailable):
        client_.execute(QUERY)


@pytest.mark.parametrize("debug", [True, False])
def test_nothing_shows_the_key(sandbox, client_, key, caplog, settings, debug):
    settings.DEBUG = debug
    sandbox.delete_key(key)
    with pytest.raises(BufferConnectError) as raised:
        client_.execute(QUERY)
    # The first frame is this test's, which knows the key.
    reports = error_reports(None, (raised.type, raised.value, raised.tb.tb_next))
    written = "\n".join([repr(client_), caplog.text, str(raised.value), *reports])
    assert [form for form in forms_of(key) if form in written] == []


def test_it_can_be_awaited(client_):
    assert async_to_sync(client_.aexecute)(QUERY) == {"account": {"id": "account-1"}}


def test_a_refusal_can_be_awaited(sandbox, client_, key):
    sandbox.delete_key(key)
    with pytest.raises(APIKeyRefused):
        async_to_sync(client_.aexecute)(QUERY)
