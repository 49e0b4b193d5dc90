"""A worker that stands still for longer than its lease while a link is in doubt, or held back."""

import pytest
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.flows.refresh import brake, held_back
from buffer_connect.models import BufferLink, ServiceState
from tests.links import age, held, link_to, make_due, tokens_of
from tests.refresh.steps import (
    LEASE,
    LOOK_FOR_SIBLINGS,
    STORE,
    TOKEN_AND_SILENCE,
    UNSEND,
    gone_on,
    is_refreshed,
    kinds_of_events,
    phase,
    requests_to,
    stopped_at,
    wait_for_request,
)

pytestmark = pytest.mark.long


def put_on_the_brake():
    ServiceState.objects.put("brake", opened_at=timezone.now())


def first_token(sandbox):
    return sandbox.grants[0].refresh_tokens[0]


@pytest.fixture
def told(in_doubt, sandbox, user, start, settings):
    """A worker that Buffer has told that it never saw the token in doubt; it stands still then."""
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": {"IN_FLIGHT": 2}}
    # By these it learns that what Buffer tells of tokens is true.
    for n in range(16):
        link = link_to(sandbox, user, account=f"before-{n}")
        make_due(link)
        age(link, days=1)
    return stopped_at(start, UNSEND, "before")


def test_what_was_told_in_a_lease_that_is_over_is_told_no_more(sandbox, in_doubt, told):
    age(in_doubt, **LEASE)
    # It would claim the link anew, and ask again.
    put_on_the_brake()
    gone_on(told)
    assert (phase(in_doubt), first_token(sandbox).requests) == (("UNKNOWN", 1), 1)
    brake.take_off()
    flows.sweep()
    assert is_refreshed(sandbox, in_doubt)


def test_nor_is_it_of_what_another_worker_has_sent(sandbox, in_doubt, told, start):
    age(in_doubt, **LEASE)
    other = stopped_at(start, STORE, "before")
    gone_on(told)
    assert (phase(in_doubt), first_token(sandbox).requests) == (("SENT", 2), 2)
    gone_on(other)
    assert is_refreshed(sandbox, in_doubt)


@pytest.fixture
def giving_up(in_doubt, other_user, sandbox, start):
    """A worker that has found a living link on the account of the one in doubt."""
    sibling = link_to(sandbox, other_user)
    age(in_doubt, **TOKEN_AND_SILENCE)
    worker = stopped_at(start, LOOK_FOR_SIBLINGS, "after")
    sibling.delete()
    return worker


def test_a_link_is_given_up_after_the_lease_when_nobody_has_it(sandbox, in_doubt, giving_up):
    age(in_doubt, **LEASE)
    gone_on(giving_up)
    assert held(in_doubt).reason == BufferLink.Reason.ANSWER_LOST
    assert (kinds_of_events(), requests_to(sandbox)) == (["revoked"], 0)


def test_it_is_not_given_up_while_another_worker_sends_it(sandbox, in_doubt, giving_up, start):
    age(in_doubt, **LEASE)
    other = stopped_at(start, STORE, "before")
    gone_on(giving_up)
    assert (phase(in_doubt), kinds_of_events()) == (("SENT", 2), ["resent"])
    gone_on(other)
    assert is_refreshed(sandbox, in_doubt)


def test_it_is_not_given_up_when_its_user_has_connected_anew(sandbox, user, in_doubt, giving_up):
    tokens = tokens_of(link_to(sandbox, user))
    gone_on(giving_up)
    assert (held(in_doubt).is_active, tokens_of(in_doubt)) == (True, tokens)
    assert kinds_of_events() == []


@pytest.fixture
def refused(sandbox, link, start, gate):
    """A worker that stands still when Buffer has refused the link's token, and the brake is on."""
    sandbox.revoke_account("account-1")
    sandbox.fail_next("slow", seconds=60)
    worker = start("sweep").ready().go()
    wait_for_request(sandbox)
    worker.stop()
    gate.set()
    put_on_the_brake()
    return worker


def test_a_refusal_is_held_back_after_the_lease(sandbox, link, refused):
    age(link, **LEASE)
    gone_on(refused)
    row = held(link)
    assert (row.is_active, row.is_held_back, row.in_doubt) == (True, True, False)
    assert held_back.resume() == 1
    assert held(link).reason == BufferLink.Reason.REVOKED_AT_BUFFER
    assert kinds_of_events() == ["revoked"]


def test_it_is_not_held_against_who_connected_anew(sandbox, user, link, refused):
    tokens = tokens_of(link_to(sandbox, user))
    gone_on(refused)
    assert (held(link).is_held_back, tokens_of(link)) == (False, tokens)
    assert held_back.resume() == 0
    assert held(link).is_active
