"""kill -9 of a worker while it writes down what an answer means, or why there was none.

What is written by then holds; what is not is found out again. No link ends by the kill, and none
ends without its event.
"""

import signal

import pytest
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.flows.refresh import brake
from buffer_connect.models import BufferLink, LinkEvent, ServiceState
from tests.keys import OLD, hold, other_key
from tests.links import age, due_links, held, link_to
from tests.refresh.steps import (
    BLOCK,
    DOUBT,
    EVENT,
    HOLD_BACK,
    INTENT,
    LEASE,
    POSTPONE,
    REFUSE,
    RELEASE,
    TOKEN_AND_QUARANTINE,
    TOKEN_AND_SILENCE,
    UNSEND,
    is_refreshed,
    killed_at,
    killed_while_waiting,
    phase,
    requests_to,
    wait_for_request,
)

pytestmark = pytest.mark.long

before_and_after = pytest.mark.parametrize("moment", ["before", "after"])


def kinds_of_events():
    return [*LinkEvent.objects.order_by("pk").values_list("kind", flat=True)]


@before_and_after
def test_killed_while_it_gives_back_what_it_did_not_send(sandbox, user, start, settings, moment):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": {"IN_FLIGHT": 2}}
    links = due_links(sandbox, user, 24)
    sandbox.fail_next("invalid_client", times=None)
    killed_at(start, RELEASE, moment)
    assert {phase(link)[0] for link in links} == {"IDLE", "CLAIMED"}
    sandbox.clear_faults()
    for link in links:
        age(link, **LEASE)
    ServiceState.objects.update(probe_at=None)
    flows.sweep()
    assert {held(link).generation for link in links} == {2}
    assert kinds_of_events() == []


@pytest.mark.parametrize(("moment", "left"), [("before", "CLAIMED"), ("after", "IDLE")])
def test_killed_while_it_puts_off_what_no_key_opens(sandbox, link, start, settings, moment, left):
    hold(settings, other_key(OLD))
    killed_at(start, BLOCK, moment)
    assert (phase(link), requests_to(sandbox)) == ((left, 0), 0)
    hold(settings, OLD)
    age(link, minutes=6)
    flows.sweep()
    assert is_refreshed(sandbox, link)


def test_killed_before_it_notes_that_a_token_was_not_used(sandbox, link, start):
    sandbox.fail_next("rate_limit")
    killed_at(start, POSTPONE, "before")
    assert phase(link) == ("SENT", 1)
    age(link, **LEASE)
    assert flows.sweep() == 0
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert is_refreshed(sandbox, link)
    assert kinds_of_events() == ["resent"]


def test_killed_after_it_notes_that_a_token_was_not_used(sandbox, link, start):
    sandbox.fail_next("rate_limit")
    killed_at(start, POSTPONE, "after")
    assert phase(link) == ("IDLE", 1)
    age(link, minutes=1)
    flows.sweep()
    assert is_refreshed(sandbox, link)
    assert kinds_of_events() == []


@pytest.mark.parametrize(("moment", "left"), [("before", "SENT"), ("after", "UNKNOWN")])
def test_killed_around_the_note_that_nobody_knows(sandbox, link, start, moment, left):
    sandbox.fail_next("outage")
    killed_at(start, DOUBT, moment)
    assert phase(link) == (left, 1)
    age(link, **LEASE)
    assert flows.sweep() == 0
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert is_refreshed(sandbox, link)


@before_and_after
def test_killed_while_a_refusal_is_held_back(sandbox, link, start, gate, moment):
    sandbox.revoke_account("account-1")
    sandbox.fail_next("slow", seconds=60)
    worker = start("sweep", signal_at=(HOLD_BACK, moment, signal.SIGKILL)).ready().go()
    wait_for_request(sandbox)
    ServiceState.objects.put("brake", opened_at=timezone.now())
    gate.set()
    worker.wait_until_killed()
    row = held(link)
    assert (phase(link), row.is_active, row.refused_generation) == (("SENT", 1), True, None)
    brake.take_off()
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    # The second refusal may be for the second send: nothing is laid at the user's door.
    assert held(link).reason == BufferLink.Reason.ANSWER_LOST
    assert kinds_of_events() == ["resent", "revoked"]


@before_and_after
def test_killed_while_a_link_lapses(sandbox, user, start, moment):
    link = link_to(sandbox, user, refreshable=False)
    age(link, hours=2)
    killed_at(start, REFUSE, moment)
    assert (held(link).is_active, kinds_of_events()) == (True, [])
    # It waits until the server has noticed the kill: a sweep passes over a row that is locked.
    age(link, **LEASE)
    flows.sweep()
    assert held(link).reason == BufferLink.Reason.EXPIRED
    assert kinds_of_events() == ["revoked"]


@before_and_after
def test_killed_while_a_link_in_doubt_is_given_up(sandbox, in_doubt, other_user, start, moment):
    # A living link on the same account forbids that the token is sent again.
    link_to(sandbox, other_user)
    age(in_doubt, **TOKEN_AND_SILENCE)
    killed_at(start, REFUSE, moment)
    assert (phase(in_doubt), kinds_of_events()) == (("SENT", 1), [])
    age(in_doubt, **LEASE)
    flows.sweep()
    assert held(in_doubt).reason == BufferLink.Reason.ANSWER_LOST
    assert (kinds_of_events(), requests_to(sandbox)) == (["revoked"], 0)


@pytest.mark.parametrize(
    ("statement", "moment", "sent"),
    [(INTENT, "before", 1), (INTENT, "after", 2), (EVENT, "before", 2), (EVENT, "after", 2)],
)
def test_killed_before_a_second_send(sandbox, in_doubt, start, statement, moment, sent):
    killed_at(start, statement, moment)
    assert (phase(in_doubt), requests_to(sandbox)) == (("SENT", sent), 0)
    age(in_doubt, minutes=11)
    flows.sweep()
    assert is_refreshed(sandbox, in_doubt)
    assert (set(kinds_of_events()), requests_to(sandbox)) == ({"resent"}, 1)


def test_killed_after_a_second_send_that_was_carried_out(sandbox, in_doubt, start):
    sandbox.fail_next("slow", seconds=30)
    killed_while_waiting(start, sandbox)
    age(in_doubt, **LEASE)
    assert (flows.sweep(), phase(in_doubt)) == (0, ("UNKNOWN", 2))
    age(in_doubt, minutes=11)
    flows.sweep()
    assert held(in_doubt).reason == BufferLink.Reason.ANSWER_LOST


@pytest.mark.parametrize(("moment", "left"), [("before", "SENT"), ("after", "CLAIMED")])
def test_killed_around_the_note_that_buffer_has_not_seen_a_token(
    sandbox, in_doubt, user, start, settings, moment, left
):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": {"IN_FLIGHT": 2}}
    # By these the worker learns that what Buffer tells of tokens is true.
    for link in due_links(sandbox, user, 16, of="before"):
        age(link, days=1)
    killed_at(start, UNSEND, moment)
    assert phase(in_doubt) == (left, 1)
    age(in_doubt, **LEASE)
    flows.sweep()
    assert is_refreshed(sandbox, in_doubt)
