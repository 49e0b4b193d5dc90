"""kill -9 of a worker, at each step of a refresh.

What the worker leaves in the row is what the next one goes by: a token that may have been used is
not sent again while its access token lives, and the user is not blamed for a lost answer.
"""

from datetime import timedelta

import pytest

from buffer_connect import flows
from buffer_connect.models import BufferLink, LinkEvent
from buffer_connect.signals import link_revoked
from tests.links import age, held, link_to, make_due
from tests.refresh.steps import (
    ANNOUNCED,
    CLAIM,
    INTENT,
    LEASE,
    REFUSE,
    STORE,
    TOKEN_AND_QUARANTINE,
    is_refreshed,
    killed_at,
    killed_while_waiting,
    phase,
    requests_to,
)


@pytest.mark.long
def test_killed_after_the_claim(sandbox, link, start):
    killed_at(start, CLAIM, "after")
    assert (phase(link), requests_to(sandbox)) == (("CLAIMED", 0), 0)
    assert flows.sweep() == 0
    age(link, **LEASE)
    assert flows.sweep() == 1
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


@pytest.mark.long
def test_killed_before_the_intent_is_written(sandbox, link, start):
    killed_at(start, INTENT, "before")
    assert (phase(link), requests_to(sandbox)) == (("CLAIMED", 0), 0)
    age(link, **LEASE)
    flows.sweep()
    assert is_refreshed(sandbox, link)


@pytest.mark.long
def test_killed_after_the_intent(sandbox, link, start):
    killed_at(start, INTENT, "after")
    assert (phase(link), requests_to(sandbox)) == (("SENT", 1), 0)
    assert is_left_alone_while_its_token_lives(sandbox, link, requests=0)
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert is_refreshed(sandbox, link)
    assert list(LinkEvent.objects.values_list("kind", flat=True)) == [LinkEvent.Kind.RESENT]


@pytest.mark.long
def test_killed_after_the_send_when_the_token_was_not_used(sandbox, link, start):
    sandbox.fail_next("outage", seconds=30)
    killed_while_waiting(start, sandbox)
    assert phase(link) == ("SENT", 1)
    assert is_left_alone_while_its_token_lives(sandbox, link, requests=1)
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert is_refreshed(sandbox, link)


@pytest.mark.long
def test_killed_after_the_send_when_the_token_was_used(sandbox, link, start):
    sandbox.fail_next("slow", seconds=30)
    killed_while_waiting(start, sandbox)
    assert phase(link) == ("SENT", 1)
    assert is_left_alone_while_its_token_lives(sandbox, link, requests=1)
    assert ends_as_a_lost_answer(sandbox, link)


@pytest.mark.long
def test_killed_before_the_answer_is_stored(sandbox, link, start):
    killed_at(start, STORE, "before")
    assert phase(link) == ("SENT", 1)
    assert is_left_alone_while_its_token_lives(sandbox, link, requests=1)
    assert ends_as_a_lost_answer(sandbox, link)


@pytest.mark.long
def test_killed_after_the_answer_is_stored(sandbox, link, start):
    killed_at(start, STORE, "after")
    assert phase(link) == ("IDLE", 0)
    assert is_refreshed(sandbox, link)
    age(link, **LEASE)
    assert flows.sweep() == 0
    assert requests_to(sandbox) == 1


def is_left_alone_while_its_token_lives(sandbox, link, *, requests):
    """Look again after the lease, after the quarantine, and a minute before the token is over."""
    for pause in ({"seconds": 181}, {"minutes": 12}, {"minutes": 44}):
        age(link, **pause)
        assert (flows.sweep(), requests_to(sandbox)) == (0, requests)
    return phase(link) == ("UNKNOWN", 1) and held(link).is_active


def ends_as_a_lost_answer(sandbox, link):
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    row = held(link)
    assert (row.status, row.reason) == (BufferLink.Status.REVOKED, BufferLink.Reason.ANSWER_LOST)
    return sandbox.grants[0].reuse_detected and requests_to(sandbox) == 2


@pytest.mark.long
def test_a_token_in_doubt_waits_for_the_quarantine_too(sandbox, link, start):
    age(link, minutes=61)
    killed_at(start, INTENT, "after")
    age(link, minutes=9)
    assert flows.sweep() == 0
    age(link, minutes=2)
    assert flows.sweep() == 1
    assert is_refreshed(sandbox, link)


@pytest.mark.long
@pytest.mark.parametrize(("in_flight", "in_doubt"), [(1, 5), (3, 3), (16, 16)])
def test_a_kill_leaves_few_of_a_batch_in_doubt(sandbox, user, start, settings, in_flight, in_doubt):
    timing = {"IN_FLIGHT": in_flight, "SENDS_PER_SECOND": 100}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    links = [link_to(sandbox, user, account=f"account-{n}") for n in range(30)]
    for link in links:
        make_due(link)
    sandbox.fail_next("slow", 30, seconds=30)
    killed_while_waiting(start, sandbox)
    phases = [phase(link)[0] for link in links]
    assert phases.count("SENT") == in_doubt
    assert set(phases) <= {"SENT", "CLAIMED", "IDLE"}


@pytest.mark.long
def test_killed_between_a_refusal_and_its_event(sandbox, link, start):
    sandbox.revoke_account("account-1")
    killed_at(start, REFUSE, "after")
    assert phase(link) == ("SENT", 1)
    assert (held(link).is_active, LinkEvent.objects.count()) == (True, 0)


@pytest.mark.long
def test_killed_before_a_signal_is_noted(sandbox, link, start, heard):
    sandbox.revoke_account("account-1")
    killed_at(start, ANNOUNCED, "before")
    LinkEvent.objects.update(created_at=held(link).database_now - timedelta(minutes=6))
    calls = heard(link_revoked)
    flows.clean_up()
    assert [call["reason"] for call in calls] == [BufferLink.Reason.REVOKED_AT_BUFFER]
