"""What one database does and another does not: time zones, isolation, locks."""

import sqlite3
import threading
import time
from contextlib import closing, suppress
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import TokenUnavailable
from buffer_connect.models import BufferLink, ServiceState
from tests.links import age, held, link_to, make_due, tokens_of
from tests.processes import together
from tests.refresh.steps import STORE, is_refreshed, phase, requests_to, wait_for_request
from tests.refresh.test_race import ended_links, flawless, outcome, workers

FIVE_HOURS_OFF = "?init_command=SET%20time_zone%3D'%2B05:00'"
ISOLATION = {
    ("postgresql", "repeatable read"): (
        "?options=-c%20default_transaction_isolation%3Drepeatable%5C%20read"
    ),
    ("postgresql", "serializable"): "?options=-c%20default_transaction_isolation%3Dserializable",
    ("mysql", "repeatable read"): "?isolation_level=repeatable%20read",
    ("mysql", "serializable"): "?isolation_level=serializable",
}
# The session's own time, five hours ahead of UTC.
FIVE_HOURS_AHEAD = {
    "postgresql": "SET TIME ZONE INTERVAL '+05:00' HOUR TO MINUTE",
    "mysql": "SET time_zone = '+05:00'",
}


@pytest.fixture
def link(sandbox, user, transactional_db):
    return link_to(sandbox, user)


@pytest.fixture
def five_hours_off():
    """Give the session a time zone of its own, as a server's default may."""
    with connection.cursor() as cursor:
        cursor.execute(FIVE_HOURS_AHEAD[connection.vendor])
    yield
    connection.close()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite's clock is the host's")
def test_the_clock_of_the_statements_is_utc(sandbox, link, five_hours_off):
    make_due(link)
    assert flows.sweep() == 1
    assert is_refreshed(sandbox, link)
    row = held(link)
    assert timedelta(minutes=59) < row.life_left <= timedelta(hours=1)
    assert row.database_now - row.last_refreshed_at < timedelta(minutes=1)


@pytest.mark.mariadb
@pytest.mark.usefixtures("patient")
def test_processes_with_different_time_zones_agree(sandbox, user, start):
    pks = ended_links(sandbox, user, 20)
    here = workers(start, pks, sweeps=1, callers=1)
    there = workers(start, pks, sweeps=1, callers=1, options=FIVE_HOURS_OFF)
    assert outcome(sandbox, together(here + there)) == flawless(20)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite knows one isolation level")
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.parametrize("sweeps", [2, 0], ids=["2 sweeps and 2 callers", "4 callers"])
@pytest.mark.long
@pytest.mark.usefixtures("patient")
def test_a_statement_that_could_not_be_serialized_has_claimed_nothing(
    sandbox, user, start, sweeps, level
):
    pks = ended_links(sandbox, user, 40)
    options = ISOLATION[connection.vendor, level]
    processes = workers(start, pks, sweeps=sweeps, callers=4 - sweeps, options=options)
    assert outcome(sandbox, together(processes)) == flawless(40)


@pytest.fixture
def serializable():
    """Give the session the isolation in which PostgreSQL lets reads fail as well."""
    serialize()
    yield
    connection.close()


def serialize():
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE")


def linger_in_commits():
    """Let each commit of the session take a twentieth of a second."""
    with connection.cursor() as cursor:
        cursor.execute("SET commit_siblings = 0")
        cursor.execute("SET commit_delay = 50000")


def somebody_commits():
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'active' AND query = 'COMMIT'
        """)
        return cursor.fetchone() is not None


@pytest.fixture
def failed_reads():
    """What the session's statements fail with."""
    failures = []

    def look(execute, sql, params, many, context):
        try:
            return execute(sql, params, many, context)
        except OperationalError as error:
            failures.append(error)
            raise

    with connection.execute_wrapper(look):
        yield failures


def token_beside_a_commit(link):
    """Get the access token while another session's transaction, which is in the way, ends."""
    ServiceState.objects.tick()
    has_written, may_commit = threading.Event(), threading.Event()

    def write_beside_an_old_read():
        serialize()
        linger_in_commits()
        # A read that comes before the commit ends this transaction instead.
        with suppress(OperationalError), transaction.atomic():
            assert ServiceState.objects.count() == 1
            BufferLink.objects.update(last_error="")
            has_written.set()
            may_commit.wait()
        connection.close()

    other = threading.Thread(target=write_beside_an_old_read)
    other.start()
    has_written.wait()
    ServiceState.objects.tick()
    may_commit.set()
    while other.is_alive() and not somebody_commits():
        time.sleep(0.001)
    token = BufferClient(link).get_access_token()
    other.join()
    return token


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's own conflict")
def test_a_read_that_meets_a_commit_is_made_again_when_that_is_over(
    link, serializable, failed_reads
):
    # The commit takes a moment, which is missed now and then.
    while not failed_reads:
        assert token_beside_a_commit(link) == tokens_of(link)[0]


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="a transaction there locks out all others"
)
def test_a_callers_transaction_neither_delays_nor_undoes_a_refresh(sandbox, link):
    age(link, hours=2)
    with transaction.atomic():
        token = BufferClient(link).get_access_token()
        transaction.set_rollback(True)
    assert tokens_of(link)[0] == token
    assert is_refreshed(sandbox, link)


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="a transaction there locks out all others"
)
def test_nor_does_one_that_cannot_see_the_refresh(sandbox, link, start):
    age(link, hours=2)
    with transaction.atomic():
        see_the_database_as_it_is_now()
        first = BufferClient(link).get_access_token()
        assert BufferClient(link).get_access_token() == first
    assert requests_to(sandbox) == 1


def see_the_database_as_it_is_now():
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


only_on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's locks")


@pytest.fixture
def impatient():
    """Give up on SQLite's lock after 50 ms."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    yield
    connection.close()


def other_connection():
    return closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None))


@pytest.mark.long
@only_on_sqlite
def test_a_database_that_is_busy_lets_nothing_be_claimed(sandbox, link, impatient):
    make_due(link)
    with other_connection() as other:
        other.execute("BEGIN IMMEDIATE")
        assert flows.sweep(seconds=0.2) == 0
    assert flows.sweep() == 1
    assert is_refreshed(sandbox, link)


@pytest.mark.long
@only_on_sqlite
def test_an_answer_waits_for_a_database_that_is_busy(sandbox, link, impatient):
    make_due(link)
    sandbox.fail_next("slow", seconds=0.3)
    keeper = threading.Thread(target=keep_busy, args=(sandbox,))
    keeper.start()
    flows.sweep()
    keeper.join()
    assert is_refreshed(sandbox, link)


def keep_busy(sandbox):
    wait_for_request(sandbox)
    with other_connection() as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(0.8)


@pytest.mark.long
@only_on_sqlite
def test_a_callers_own_transaction_on_sqlite_puts_the_refresh_off(sandbox, link, settings):
    age(link, hours=2)
    timing = {"CALL_WAIT": timedelta(seconds=0.3)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    with transaction.atomic(), pytest.raises(TokenUnavailable):
        BufferClient(link).get_access_token()
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": {}}
    assert BufferClient(link).get_access_token() == tokens_of(link)[0]
    assert requests_to(sandbox) == 1


@pytest.mark.long
@only_on_sqlite
def test_nor_can_a_401_be_written_down_beside_it(sandbox, link, settings):
    timing = {"CALL_WAIT": timedelta(seconds=0.3)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    sandbox.fail_next("graphql_error", on="api", code="UNAUTHENTICATED", status=401)
    with transaction.atomic(), pytest.raises(TokenUnavailable):
        BufferClient(link).execute("query { account { id } }")
    assert held(link).is_active


def test_a_sweep_inside_a_transaction_is_refused_before_anything_is_sent(sandbox, link):
    make_due(link)
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        flows.sweep()
    assert (phase(link), requests_to(sandbox)) == (("IDLE", 0), 0)


def test_a_budget_that_passed_in_a_standstill_leaves_a_try_on_a_fresh_connection(
    sandbox, link, settings
):
    make_due(link)
    timing = {"COMMIT": timedelta(microseconds=1)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}

    def once(execute, sql, params, many, context):
        if STORE in sql and not failed:
            failed.append(sql)
            raise OperationalError("the connection is closed")
        return execute(sql, params, many, context)

    failed = []
    with connection.execute_wrapper(once):
        flows.sweep()
    assert len(failed) == 1
    assert is_refreshed(sandbox, link)
