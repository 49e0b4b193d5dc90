"""The database is lost where a link is given back, put off, held back or ended, or comes back.

Before a statement means: not carried out. After it, or after its COMMIT: carried out, and nobody
here knows.
"""

import pytest
from django.db import connection
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.flows.refresh import held_back
from buffer_connect.models import BufferLink, ServiceState
from buffer_connect.models.clock import SQL_NOW
from tests.keys import OLD, hold, other_key
from tests.links import age, held, link_to, make_due, tokens_of
from tests.refresh.steps import (
    HOLD_BACK,
    LEASE,
    REFUSE,
    STORE,
    TOKEN_AND_QUARANTINE,
    TOKEN_AND_SILENCE,
    UNSEND,
    is_refreshed,
    kinds_of_events,
    phase,
    requests_to,
    wait_for_request,
)
from tests.refresh.test_lost_database import LOST, broken, link, proxy, start

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="needs a server"),
]

__all__ = ["broken", "link", "proxy", "start"]

INSERT, COMMIT = "INSERT INTO", "COMMIT"
# What the database carries out counts only with its COMMIT.
ENDED = pytest.mark.parametrize(
    ("moment", "pieces", "has_ended"),
    [
        ("before", [REFUSE], False),
        ("after", [REFUSE], False),
        ("after", [REFUSE, INSERT], False),
        ("before", [REFUSE, COMMIT], False),
        ("after", [REFUSE, COMMIT], True),
    ],
    ids=["before", "UPDATE", "event", "before COMMIT", "COMMIT"],
)


GIVEN_BACK = f"SET lease_until = {SQL_NOW.get(connection.vendor)}"


@ENDED
def test_a_link_lapses_once(sandbox, user, link, broken, moment, pieces, has_ended):
    lapsed = age(link_to(sandbox, user, account="account-2", refreshable=False), hours=2)
    assert broken(moment, *pieces) == LOST
    assert held(lapsed).is_active != has_ended
    assert len(kinds_of_events()) == int(has_ended)
    flows.sweep()
    assert held(lapsed).reason == BufferLink.Reason.EXPIRED
    assert kinds_of_events() == ["revoked"]


@ENDED
def test_a_link_in_doubt_is_given_up_once(
    sandbox, in_doubt, other_user, broken, moment, pieces, has_ended
):
    # A living link on the same account forbids that the token is sent again.
    link_to(sandbox, other_user)
    age(in_doubt, **TOKEN_AND_SILENCE)
    assert broken(moment, *pieces) == LOST
    assert held(in_doubt).is_active != has_ended
    assert len(kinds_of_events()) == int(has_ended)
    age(in_doubt, **LEASE)
    flows.sweep()
    assert held(in_doubt).reason == BufferLink.Reason.ANSWER_LOST
    assert (kinds_of_events(), requests_to(sandbox)) == (["revoked"], 0)


@pytest.mark.parametrize(("moment", "left"), [("before", "SENT"), ("after", "CLAIMED")])
def test_what_buffer_has_not_seen_is_sent_later(
    sandbox, user, in_doubt, broken, settings, moment, left
):
    ours = settings.BUFFER_CONNECT
    timing = {**ours["TIMING"], "IN_FLIGHT": 2}
    settings.BUFFER_CONNECT = {**ours, "TIMING": timing}
    # By these the worker learns that what Buffer tells of tokens is true.
    for n in range(16):
        known = link_to(sandbox, user, account=f"before-{n}")
        make_due(known)
        age(known, days=1)
    assert broken(moment, UNSEND) == LOST
    assert phase(in_doubt) == (left, 1)
    age(in_doubt, **LEASE)
    flows.sweep()
    assert is_refreshed(sandbox, in_doubt)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_was_not_sent_keeps_its_lease_at_most(sandbox, user, link, broken, settings, moment):
    ours = settings.BUFFER_CONNECT
    settings.BUFFER_CONNECT = {**ours, "TIMING": {**ours["TIMING"], "IN_FLIGHT": 2}}
    links = [link_to(sandbox, user, account=f"account-{n}") for n in range(2, 24)]
    for each in links:
        make_due(each)
    sandbox.fail_next("invalid_client", times=None)
    assert broken(moment, f"{GIVEN_BACK}\nWHERE") == LOST
    assert {phase(each)[0] for each in links} == {"IDLE", "CLAIMED"}
    sandbox.clear_faults()
    for each in [link, *links]:
        age(each, **LEASE)
    ServiceState.objects.update(probe_at=None)
    flows.sweep()
    assert {held(each).generation for each in [link, *links]} == {2}
    assert kinds_of_events() == []


@pytest.mark.parametrize(("moment", "left"), [("before", "CLAIMED"), ("after", "IDLE")])
def test_what_no_key_opens_is_looked_at_later(sandbox, link, broken, settings, moment, left):
    hold(settings, other_key(OLD))
    assert broken(moment, f"{GIVEN_BACK}, last_error") == LOST
    assert (phase(link), requests_to(sandbox)) == ((left, 0), 0)
    hold(settings, OLD)
    age(link, minutes=6)
    flows.sweep()
    assert is_refreshed(sandbox, link)


@pytest.fixture
def broken_while_waiting(sandbox, start, proxy, gate):
    """Return a function that has a worker wait for its answer while something happens, and breaks
    the database afterwards; it returns what ended the worker."""

    def broken_while_waiting(happens, moment, *pieces):
        sandbox.fail_next("slow", seconds=60)
        worker = start("sweep or fault").ready().go()
        wait_for_request(sandbox)
        happens()
        proxy.break_at(moment, *pieces)
        gate.set()
        result = worker.result()
        assert proxy.has_broken
        return result

    return broken_while_waiting


def put_on_the_brake():
    ServiceState.objects.put("brake", opened_at=timezone.now())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("pieces", [[HOLD_BACK], [HOLD_BACK, COMMIT]], ids=["UPDATE", "COMMIT"])
def test_a_refusal_is_held_back_once(sandbox, link, broken_while_waiting, moment, pieces):
    sandbox.revoke_account("account-1")
    assert broken_while_waiting(put_on_the_brake, moment, *pieces) is None
    row = held(link)
    assert (row.is_active, row.is_held_back, row.in_doubt) == (True, True, False)
    assert (held_back.resume(), kinds_of_events()) == (1, ["revoked"])


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    "pieces", [[STORE], [STORE, INSERT], [STORE, INSERT, COMMIT]], ids=["UPDATE", "event", "COMMIT"]
)
def test_an_answer_for_a_link_that_was_given_up_is_stored_once(
    sandbox, link, other_user, broken_while_waiting, moment, pieces
):
    def give_it_up():
        link_to(sandbox, other_user)
        age(link, **TOKEN_AND_SILENCE)
        flows.sweep()
        assert held(link).reason == BufferLink.Reason.ANSWER_LOST

    assert broken_while_waiting(give_it_up, moment, *pieces) is None
    assert is_refreshed(sandbox, link)
    assert (kinds_of_events(), requests_to(sandbox)) == (["revoked", "recovered"], 1)


@pytest.fixture
def caller_without(link, start, proxy):
    """Return a function that breaks the database when a caller's answer is stored; it returns what
    the caller gets."""

    def caller_without(moment, **options):
        age(link, hours=2)
        caller = start("call", [link.pk]).ready()
        proxy.break_at(moment, STORE, **options)
        ((token, fault),) = caller.go().result()
        assert proxy.has_broken
        return token, fault

    return caller_without


@pytest.mark.parametrize(
    ("moment", "away_for"), [("before", 0), ("before", 1), ("after", 0), ("after", 1)]
)
def test_a_caller_gets_what_is_stored_when_the_database_is_back(
    sandbox, link, caller_without, moment, away_for
):
    assert caller_without(moment, away_for=away_for) == (tokens_of(link)[0], None)
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_a_caller_learns_that_its_answer_could_not_be_stored(sandbox, link, caller_without):
    token, fault = caller_without("before", away_for=3600)
    assert (token, fault.split(":")[0]) == (None, LOST)
    assert (phase(link), requests_to(sandbox)) == (("SENT", 1), 1)
    age(link, **LEASE)
    assert flows.sweep() == 0
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert held(link).reason == BufferLink.Reason.ANSWER_LOST
