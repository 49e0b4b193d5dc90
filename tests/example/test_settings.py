"""The example's settings follow the environment and hold no secret of their own."""

import logging
import os
import runpy
from pathlib import Path

import pytest

from buffer_connect.conf import conf
from example_project.access_log import HideQuery

VARIABLES = (
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "BUFFER_CLIENT_ID",
    "BUFFER_CLIENT_SECRET",
    "BUFFER_CONNECT_KEYS",
    "BUFFER_REDIRECT_URI",
    "DJANGO_DEBUG",
    "SANDBOX_ACCESS_LIFE",
    "OAUTHLIB_INSECURE_TRANSPORT",
)


@pytest.fixture
def read_settings(monkeypatch, tmp_path):
    """Read the example's settings in an environment of their own."""
    for name in VARIABLES:
        # First set, so that it is as before afterwards, whatever the settings do.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path / "demo"))

    def read(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return runpy.run_module("example_project.settings")

    return read


def test_without_credentials_the_sandbox_stands_in(read_settings):
    read = read_settings()
    assert read["BUFFER_CONNECT"]["ISSUER"] == "http://127.0.0.1:8700"
    assert os.environ["OAUTHLIB_INSECURE_TRANSPORT"] == "1"


def test_with_credentials_buffer_itself_is_called(read_settings):
    read = read_settings(BUFFER_CLIENT_ID="an-app", BUFFER_CLIENT_SECRET="its-secret")
    assert read["BUFFER_CONNECT"].keys() & {"ISSUER", "API_URL", "TIMING"} == set()
    assert read["BUFFER_CONNECT"]["CLIENT_SECRET"] == "its-secret"
    assert "OAUTHLIB_INSECURE_TRANSPORT" not in os.environ


def test_an_app_without_a_secret_is_a_public_client(read_settings):
    read = read_settings(BUFFER_CLIENT_ID="an-app")
    assert read["BUFFER_CONNECT"]["CLIENT_SECRET"] is None


@pytest.mark.parametrize("life", ["60", "20"])
def test_the_demo_s_times_fit_together(read_settings, settings, life):
    settings.BUFFER_CONNECT = read_settings(SANDBOX_ACCESS_LIFE=life)["BUFFER_CONNECT"]
    assert conf.timing.margin == float(life) / 2
    assert (conf.timing.lease, conf.timing.quarantine) == (20, 30)


def test_database_and_broker_come_from_the_environment(read_settings):
    read = read_settings(
        DATABASE_URL="postgresql://member@db:5432/site", CELERY_BROKER_URL="redis://broker/0"
    )
    assert read["DATABASES"]["default"]["HOST"] == "db"
    assert read["CELERY_BROKER_URL"] == "redis://broker/0"
    assert read["CELERY_BROKER_TRANSPORT_OPTIONS"] == {}


def test_messages_stay_in_the_private_folder(read_settings, tmp_path):
    options = read_settings()["CELERY_BROKER_TRANSPORT_OPTIONS"]
    folders = {options[name] for name in ("data_folder_in", "processed_folder", "control_folder")}
    assert {Path(each).parent for each in folders} == {tmp_path / "demo" / "broker"}
    assert (tmp_path / "demo").stat().st_mode & 0o777 == 0o700


def test_keys_are_made_once_and_for_their_owner_only(read_settings, tmp_path):
    first, second = read_settings(), read_settings()
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert first["BUFFER_CONNECT"]["ENCRYPTION_KEYS"] == second["BUFFER_CONNECT"]["ENCRYPTION_KEYS"]
    kept = tmp_path / "demo" / "buffer_connect_keys"
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("value", "debug"), [("0", False), ("false", False), ("1", True)])
def test_debug_comes_from_the_environment(read_settings, value, debug):
    assert read_settings(DJANGO_DEBUG=value)["DEBUG"] is debug


def test_access_lines_hide_code_and_state():
    line = "GET /buffer/callback/?code=a-code&state=a-state HTTP/1.1"
    record = logging.makeLogRecord({"msg": '"%s" %s %s', "args": (line, "303", "0")})
    HideQuery().filter(record)
    assert record.getMessage() == '"GET /buffer/callback/?(hidden) HTTP/1.1" 303 0'
