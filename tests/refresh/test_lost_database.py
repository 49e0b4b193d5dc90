"""The database is lost at each step of a refresh, before a statement and after it.

After it means: carried out and committed, and nobody here knows. What may have been written as sent
is not sent then, and an answer in hand is stored once.
"""

from datetime import timedelta
from time import monotonic

import pytest
from django.db import OperationalError, connection

from buffer_connect import flows
from buffer_connect.flows.refresh import settle
from buffer_connect.models import LinkEvent
from example_project import databases
from tests.database_proxy import DatabaseProxy
from tests.links import age, held, link_to, make_due
from tests.processes import starting
from tests.refresh.steps import (
    CALLERS_CLAIM,
    CLAIM,
    DOUBT,
    INTENT,
    LEASE,
    POSTPONE,
    REFUSE,
    STORE,
    TOKEN_AND_QUARANTINE,
    is_refreshed,
    phase,
    requests_to,
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="needs a server"),
]

PORTS = {"postgresql": 5432, "mysql": 3306}
LOST = "OperationalError"


@pytest.fixture
def proxy(database_url):
    entry = connection.settings_dict
    with DatabaseProxy(entry["HOST"], int(entry["PORT"] or PORTS[connection.vendor])) as proxy:
        yield proxy


@pytest.fixture
def start(sandbox, proxy):
    through = {**connection.settings_dict, "HOST": "127.0.0.1", "PORT": str(proxy.port)}
    with starting(databases.to_url(through)) as start:
        yield start


@pytest.fixture
def link(sandbox, user, settings, transactional_db):
    commit = {"COMMIT": timedelta(seconds=3)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": commit}
    # The first sweep of all has a row of its own to write.
    flows.sweep()
    link = link_to(sandbox, user)
    make_due(link)
    return link


@pytest.fixture
def broken(start, proxy):
    """Return a function that sweeps while the database breaks as told; return what ended it."""

    def broken(moment, *pieces, **options):
        worker = start("sweep or fault").ready()
        proxy.break_at(moment, *pieces, **options)
        result = worker.go().result()
        assert proxy.has_broken
        return result

    return broken


@pytest.mark.parametrize(("moment", "left"), [("before", ("IDLE", 0)), ("after", ("CLAIMED", 0))])
def test_lost_at_the_claim(sandbox, link, broken, moment, left):
    assert broken(moment, CLAIM) == LOST
    assert (phase(link), requests_to(sandbox)) == (left, 0)
    age(link, **LEASE)
    flows.sweep()
    assert is_refreshed(sandbox, link)


def test_lost_before_the_intent_is_written(sandbox, link, broken):
    assert broken("before", INTENT) == LOST
    assert (phase(link), requests_to(sandbox)) == (("CLAIMED", 0), 0)
    age(link, **LEASE)
    flows.sweep()
    assert is_refreshed(sandbox, link)


def test_an_intent_of_which_nobody_knows_is_no_permission_to_send(sandbox, link, broken):
    assert broken("after", INTENT) == LOST
    assert (phase(link), requests_to(sandbox)) == (("SENT", 1), 0)
    age(link, **LEASE)
    assert flows.sweep() == 0
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert is_refreshed(sandbox, link)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_nor_is_that_of_a_caller(sandbox, link, start, proxy, moment):
    age(link, hours=2)
    caller = start("call", [link.pk]).ready()
    proxy.break_at(moment, CALLERS_CLAIM)
    ((token, fault),) = caller.go().result()
    assert (token, proxy.has_broken) == (None, True)
    assert fault.startswith(LOST)
    assert requests_to(sandbox) == 0


@pytest.mark.parametrize("away_for", [0, 1])
def test_an_answer_is_stored_when_the_database_is_back(sandbox, link, broken, away_for):
    assert broken("before", STORE, away_for=away_for) is None
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_a_database_away_for_longer_than_the_budget_leaves_a_doubt(sandbox, link, broken):
    assert broken("before", STORE, away_for=3600) == LOST
    assert (phase(link), held(link).is_active) == (("SENT", 1), True)


@pytest.fixture
def pauses(monkeypatch):
    """The seconds between the tries to store an answer; by its clock nothing else takes time."""
    began, pauses = monotonic(), []
    monkeypatch.setattr(settle, "sleep", pauses.append)
    monkeypatch.setattr(settle, "monotonic", lambda: began + sum(pauses))
    return pauses


def test_an_answer_is_stored_when_the_database_is_there_for_a_moment_only(sandbox, link, pauses):
    def come_and_go(execute, sql, params, many, context):
        if STORE in sql and not 1.0 < sum(pauses) < 1.4:
            raise OperationalError("the server is away")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(come_and_go):
        flows.sweep()
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


@pytest.mark.postgres
def test_an_answer_is_stored_by_another_session_when_this_one_may_not_write(sandbox, link):
    left = ["SET default_transaction_read_only = on"]

    def fail_over(execute, sql, params, many, context):
        if STORE in sql and left:
            context["connection"].connection.execute(left.pop())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail_over):
        flows.sweep()
    assert (is_refreshed(sandbox, link), left) == (True, [])
    assert requests_to(sandbox) == 1


def test_an_answer_whose_commit_worked_unheard_is_stored_once(sandbox, link, broken):
    assert broken("after", STORE) is None
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_was_surely_not_used_is_free_after_all(sandbox, link, broken, moment):
    sandbox.fail_next("rate_limit")
    assert broken(moment, POSTPONE) is None
    assert (phase(link), held(link).failures) == (("IDLE", 1), 1)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_is_in_doubt_stays_there(sandbox, link, broken, moment):
    sandbox.fail_next("lose_answer")
    assert broken(moment, DOUBT) is None
    assert phase(link) == ("UNKNOWN", 1)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("pieces", [[REFUSE], [REFUSE, "COMMIT"]], ids=["UPDATE", "COMMIT"])
def test_a_refusal_ends_the_link_with_one_event(sandbox, link, broken, moment, pieces):
    sandbox.revoke_account("account-1")
    assert broken(moment, *pieces) is None
    assert held(link).reason == "revoked_at_buffer"
    assert [event.kind for event in LinkEvent.objects.all()] == ["revoked"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_second_send_that_is_not_on_record_is_not_made(sandbox, link, broken, moment):
    sandbox.fail_next("outage")
    flows.sweep()
    age(link, **TOKEN_AND_QUARANTINE)
    assert broken(moment, "INSERT INTO") == LOST
    assert requests_to(sandbox) == 1
    assert held(link).is_active
