import re
import sys
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from buffer_connect.checks.settings import SETTINGS
from buffer_connect.conf import conf
from buffer_connect.sealing import Keyring, generate_entry

KEY = generate_entry("2026-11")


def test_good_settings_pass(found):
    assert found() == []


CASES = [
    ("E002", {"CLIENTID": "app"}),
    ("E003", {"CLIENT_ID": ""}),
    ("E004", {"CLIENT_SECRET": 5}),
    ("E005", {"ENCRYPTION_KEYS": []}),
    ("E005", {"ENCRYPTION_KEYS": ["2026-11:short"]}),
    ("E006", {"REDIRECT_URI": "/callback/"}),
    ("E007", {"SCOPES": "posts:read"}),
    ("E008", {"ISSUER": "auth.buffer.com"}),
    ("E009", {"ENDPOINTS": {"token": None}}),
    ("E009", {"ENDPOINTS": {"revoke": "https://x.example/"}}),
    ("E010", {"API_URL": "http://api.buffer.com"}),
    ("E011", {"REQUIRE_ISS": "yes"}),
    ("E012", {"DEFAULT_NEXT_URL": 1}),
    ("E013", {"TIMING": {"LEASE": timedelta(seconds=1)}}),
    ("E014", {"RETENTION": 90}),
    ("E020", {"REFRESH_POLICY": "lazy"}),
    ("E021", {"ACTIVE_WITHIN": 30}),
    ("E022", {"INSTANCE": ""}),
    ("E022", {"INSTANCE": "our staging"}),
    ("W001", {"SCOPES": ["insights:read"]}),
    ("W002", {"REDIRECT_URI": None}),
    ("W011", {"REQUIRE_ISS": False}),
    ("W012", {"INSTANCE": None}),
]


@pytest.mark.parametrize(("number", "changes"), CASES, ids=range(len(CASES)))
def test_each_wrong_setting_is_named_once_with_a_hint(found, number, changes):
    ((only, message),) = found(**changes)
    assert only == number
    assert message.hint
    assert next(iter(changes)) in f"{message.msg} {message.hint}" or number == "W001"


ERRORS = [case for case in CASES if case[0].startswith("E")]


@pytest.mark.parametrize(("number", "changes"), ERRORS, ids=range(len(ERRORS)))
def test_each_error_is_one_at_run_time_too(found, number, changes):
    found(**changes)
    names = ("keyring", *(name for name, *_ in SETTINGS))
    with pytest.raises(ImproperlyConfigured):
        [getattr(conf, name) for name in names]


def test_all_that_is_wrong_is_named_together(found):
    wrong = found(CLIENT_ID="", ENCRYPTION_KEYS=[], ISSUER="x", SCOPES=["openid"])
    assert [number for number, _ in wrong] == ["E003", "E008", "E005", "W001"]


def test_a_key_that_is_no_setting_is_told_with_the_nearest_one(found):
    ((_, message),) = found(ENCRYPTION_KEY="x")
    assert message.hint == "Did you mean ENCRYPTION_KEYS?"


@pytest.mark.parametrize("value", [None, [], "app"], ids=str)
def test_a_setting_that_is_no_dict_is_the_only_complaint(site, ids, value):
    site.BUFFER_CONNECT = value
    assert ids() == ["E001"]


def test_without_any_setting_the_required_ones_are_named(site, ids):
    del site.BUFFER_CONNECT
    assert ids() == ["E003", "E005", "W002", "W012"]


def test_the_hint_of_the_keys_holds_a_new_one_to_paste(found):
    hints = [found(ENCRYPTION_KEYS=[])[0][1].hint for _ in range(2)]
    entries = [re.search(r'\["(.+)"\]', hint).group(1) for hint in hints]
    assert Keyring.parse(entries[:1])
    assert entries[0] != entries[1]


@time_machine.travel("2026-11-30T23:59:59Z")
def test_it_has_an_id_that_no_other_has_for_that_one_may_have_sealed_something(found):
    ((_, message),) = found(ENCRYPTION_KEYS=[KEY[:-4]])
    assert '["2026-11b:' in message.hint
    assert "put its right value back" in message.msg


def test_no_message_holds_a_key(found):
    ((_, message),) = found(ENCRYPTION_KEYS=[KEY, KEY])
    assert KEY.partition(":")[2] not in f"{message}"


def test_naive_times_are_an_error(site, ids):
    site.USE_TZ = False
    assert ids() == ["E015"]


@pytest.mark.parametrize("value", ["1", "0"])
def test_insecure_transport_is_an_error_in_production(ids, monkeypatch, value):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", value)
    assert ids() == ["E016"]


def test_insecure_transport_is_allowed_in_development(site, ids, monkeypatch):
    site.DEBUG = True
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    assert ids() == []


@pytest.fixture
def module(site, monkeypatch):
    """What the settings module says of `DEBUG`, whatever became of the setting: `module(True)`."""

    def module(debug):
        monkeypatch.setitem(sys.modules, "a_site", SimpleNamespace(DEBUG=debug))
        site.DEBUG = False
        # Last, for each change of the settings forgets their module.
        site.SETTINGS_MODULE = "a_site"

    return module


def test_insecure_transport_is_allowed_in_the_tests_of_a_site_in_development(
    module, ids, monkeypatch
):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    module(debug=True)
    assert ids() == []


def test_insecure_transport_is_an_error_where_the_settings_module_is_for_production(
    module, ids, monkeypatch
):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    module(debug=False)
    assert ids() == ["E016"]


def test_insecure_transport_is_an_error_where_no_settings_module_can_be_asked(
    site, ids, monkeypatch
):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    site.SETTINGS_MODULE = "no_such_module"
    assert ids() == ["E016"]


def test_insecure_transport_still_sends_nothing_in_plain_to_other_hosts(site, monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    site.BUFFER_CONNECT = {"ISSUER": "http://buffer.example", "API_URL": "http://buffer.example"}
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "api_url"):
        with pytest.raises(ImproperlyConfigured, match="loopback"):
            getattr(conf, name)


@pytest.mark.parametrize(
    ("deploy", "numbers"), [(False, []), (True, ["buffer_connect.W002"])], ids=["dev", "deploy"]
)
def test_the_app_registers_its_checks(found, deploy, numbers):
    found(REDIRECT_URI=None)
    messages = run_checks(tags=["buffer_connect"], databases=[], include_deployment_checks=deploy)
    assert [message.id for message in messages] == numbers
