"""kill -9 of a process that brings a link back, or decides about what the brake has held back.

Each of these is one transaction: killed inside it nothing has changed, and after it everything has.
"""

import signal

import pytest
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.flows.check import check_again
from buffer_connect.flows.refresh import held_back
from buffer_connect.models import BufferLink, ServiceState
from buffer_connect.signals import link_connected, link_revoked
from tests.links import age, held, link_to, make_due, tokens_of
from tests.refresh.steps import (
    ANNOUNCED,
    EVENT,
    REFUSE,
    RESTORE,
    RETRY_HELD_BACK,
    STORE,
    TAKE_OFF_BRAKE,
    TOKEN_AND_SILENCE,
    announce_what_was_left,
    is_refreshed,
    killed_at,
    kinds_of_events,
    requests_to,
    wait_for_request,
)

pytestmark = pytest.mark.long

Reason = BufferLink.Reason


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def unauthorized(link):
    """A link that ended because the API refused it, which it does no more."""
    ended = {"status": BufferLink.Status.REVOKED, "reason": Reason.UNAUTHORIZED}
    BufferLink.objects.update(**ended, rejected_generation=1)
    return link


@pytest.mark.parametrize(
    ("statement", "moment"), [(RESTORE, "before"), (RESTORE, "after"), (EVENT, "after")]
)
def test_killed_while_a_link_is_restored(unauthorized, start, statement, moment):
    tokens = tokens_of(unauthorized)
    killed_at(start, statement, moment, "check", unauthorized.pk)
    row = held(unauthorized)
    assert (row.reason, row.rejected_generation) == (Reason.UNAUTHORIZED, 1)
    assert (tokens_of(unauthorized), kinds_of_events()) == (tokens, [])
    assert check_again(unauthorized).is_active
    assert kinds_of_events() == ["restored"]


def test_killed_when_it_is_restored(sandbox, unauthorized, start):
    killed_at(start, ANNOUNCED, "before", "check", unauthorized.pk)
    assert (held(unauthorized).is_active, kinds_of_events()) == (True, ["restored"])
    flows.sweep()
    assert is_refreshed(sandbox, unauthorized)


@pytest.fixture
def held_links(sandbox, user):
    """Two links that Buffer refused while the brake was on, which it is still."""
    links = [link_to(sandbox, user, account=f"account-{n}") for n in range(2)]
    BufferLink.objects.update(refused_generation=1, refused_reason=Reason.REVOKED_AT_BUFFER)
    ServiceState.objects.put("brake", opened_at=timezone.now())
    return links


def what_is_held_back(links):
    return [held(link).is_held_back for link in links]


def is_braked():
    return ServiceState.objects.get(name="brake").opened_at is not None


@pytest.mark.parametrize(
    ("job", "statement", "moment"),
    [
        ("resume", REFUSE, "before"),
        ("resume", REFUSE, "after"),
        ("resume", EVENT, "after"),
        ("resume", TAKE_OFF_BRAKE, "before"),
        ("resume", TAKE_OFF_BRAKE, "after"),
        ("retry", RETRY_HELD_BACK, "before"),
        ("retry", RETRY_HELD_BACK, "after"),
        ("retry", TAKE_OFF_BRAKE, "before"),
        ("retry", TAKE_OFF_BRAKE, "after"),
    ],
)
def test_killed_while_the_brake_is_taken_off(held_links, start, job, statement, moment):
    killed_at(start, statement, moment, job)
    assert (what_is_held_back(held_links), is_braked()) == ([True, True], True)
    assert (BufferLink.objects.active().count(), kinds_of_events()) == (2, [])
    assert (held_back.resume(), is_braked()) == (2, False)
    assert kinds_of_events() == ["revoked", "revoked"]


def test_killed_when_what_was_held_back_has_ended(held_links, start, heard):
    killed_at(start, ANNOUNCED, "before", "resume")
    assert (BufferLink.objects.active().count(), is_braked()) == (0, False)
    calls = heard(link_revoked)
    announce_what_was_left()
    assert sorted(call["link"].pk for call in calls) == sorted(link.pk for link in held_links)


@pytest.fixture
def killed_late(sandbox, link, other_user, start, gate):
    """Return a function that kills a worker at its answer for a link that was given up meanwhile."""

    def killed_late(statement, moment):
        make_due(link)
        # A living link on the same account forbids that the token is sent again.
        link_to(sandbox, other_user)
        sandbox.fail_next("slow", seconds=60)
        worker = start("sweep", signal_at=(statement, moment, signal.SIGKILL)).ready().go()
        wait_for_request(sandbox)
        age(link, **TOKEN_AND_SILENCE)
        flows.sweep()
        assert held(link).reason == Reason.ANSWER_LOST
        gate.set()
        worker.wait_until_killed()

    return killed_late


@pytest.mark.parametrize(
    ("statement", "moment"), [(STORE, "before"), (EVENT, "before"), (EVENT, "after")]
)
def test_killed_before_a_late_answer_is_stored(link, killed_late, statement, moment):
    killed_late(statement, moment)
    row = held(link)
    assert (row.reason, row.generation, row.refresh_token) == (Reason.ANSWER_LOST, 1, None)
    assert kinds_of_events() == ["revoked"]


def test_killed_after_a_late_answer_is_stored(sandbox, link, killed_late, heard):
    killed_late(ANNOUNCED, "before")
    assert is_refreshed(sandbox, link)
    assert (kinds_of_events(), requests_to(sandbox)) == (["revoked", "recovered"], 1)
    calls = heard(link_connected)
    announce_what_was_left()
    assert [(call["link"], call["created"]) for call in calls] == [(link, False)]
