from datetime import timedelta

import pytest
from django.core.checks import Tags, run_checks
from django.db import OperationalError, connection, connections
from django.utils import timezone

from buffer_connect.checks.databases import check_keys
from buffer_connect.models import AuthorizationRequest, BufferLink
from buffer_connect.receivers import keep_for_revocation
from buffer_connect.sealing import Secret, generate_entry
from tests.links import link_to

ACCOUNTS = "tests.checks.test_databases.AccountsElsewhere"


DEAD = {
    **connections.settings["default"],
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": "/nowhere/at/all/db.sqlite3",
    "OPTIONS": {},
}


class LinksInTheDead:
    def db_for_write(self, model, **hints):
        return "dead"


class AccountsElsewhere:
    def allow_migrate(self, db, app_label, **hints):
        return False if app_label in ("auth", "accounts") else None


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


def database_messages():
    messages = run_checks(tags=[Tags.database], databases=["default"])
    return [message for message in messages if message.id.startswith("buffer_connect")]


def database_ids():
    return [message.id for message in database_messages()]


def lose_the_key(settings):
    ours = settings.BUFFER_CONNECT
    settings.BUFFER_CONNECT = {**ours, "ENCRYPTION_KEYS": [generate_entry("new")]}


def test_atomic_requests_draw_a_warning_where_there_is_one_writer(ids, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert ids() == (["W009"] if connection.vendor == "sqlite" else [])


@pytest.mark.django_db
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Karachi"])
def test_a_time_zone_of_the_database_is_refused_where_it_moves_times(ids, monkeypatch, zone):
    monkeypatch.setitem(connection.settings_dict, "TIME_ZONE", zone)
    moves = connection.vendor == "mysql" and zone == "Asia/Karachi"
    assert ids() == (["E024"] if moves else [])


@pytest.mark.parametrize("autocommit", [True, False])
def test_without_autocommit_nothing_could_be_refreshed(ids, monkeypatch, autocommit):
    monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", autocommit)
    assert ids() == ([] if autocommit else ["E025"])


def test_users_in_another_database_draw_a_warning(site, ids):
    site.DATABASE_ROUTERS = [ACCOUNTS]
    assert ids() == ["W010"]


def test_a_key_that_rows_need_must_be_held(link, settings):
    lose_the_key(settings)
    assert database_ids() == ["buffer_connect.E019"]


def test_a_key_that_a_revocation_needs_must_be_held(link, settings):
    keep_for_revocation(link)
    BufferLink.objects.update(status="disconnected", refresh_token=None, access_token=None)
    lose_the_key(settings)
    assert database_ids() == ["buffer_connect.E019"]


def test_a_key_that_an_unfinished_connect_needs_must_be_held(user, settings):
    request = AuthorizationRequest(user=user, expires_at=timezone.now() + timedelta(minutes=1))
    request.seal_verifier(Secret("a-verifier"))
    request.save()
    lose_the_key(settings)
    assert database_ids() == ["buffer_connect.E019"]


def test_a_copy_needs_no_key_of_the_links_that_it_leaves_alone(link, settings):
    BufferLink.objects.update(instance="production")
    lose_the_key(settings)
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "INSTANCE": "staging"}
    assert database_ids() == []


def test_the_missing_key_is_named_with_what_it_seals(link, settings):
    lose_the_key(settings)
    (message,) = database_messages()
    assert "tests" in message.msg
    assert "(links 1, revocations 0, connects 0)" in message.msg


def test_keys_that_are_held_pass(link):
    assert database_ids() == []


def test_wiped_links_need_no_key(link, settings):
    BufferLink.objects.update(status="revoked", refresh_token=None, access_token=None)
    lose_the_key(settings)
    assert database_ids() == []


def test_values_that_name_no_key_are_no_missing_key(link, settings):
    BufferLink.objects.update(refresh_token=b"\x00", access_token=b"", refresh_token_digest="")
    assert database_ids() == []


def test_no_database_is_asked_that_was_not_named(link, settings, django_assert_num_queries):
    lose_the_key(settings)
    with django_assert_num_queries(0):
        assert check_keys(databases=None) == check_keys(databases=["other"]) == []


def test_a_database_that_is_away_does_not_break_the_check(settings, monkeypatch, django_db_blocker):
    settings.DATABASE_ROUTERS = ["tests.checks.test_databases.LinksInTheDead"]
    monkeypatch.setitem(connections.settings, "dead", DEAD)
    with django_db_blocker.unblock():
        assert check_keys(databases=["dead"]) == []
        with pytest.raises(OperationalError):
            connections["dead"].cursor()
