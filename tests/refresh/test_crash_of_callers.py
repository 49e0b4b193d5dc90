"""kill -9 of a process that wanted to call Buffer: the next caller goes by what is in the row."""

from datetime import timedelta

import pytest
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import LinkRevoked, TokenUnavailable
from buffer_connect.models import BufferLink
from buffer_connect.signals import link_revoked
from tests.links import age, held, link_to, tokens_of
from tests.refresh.steps import (
    ANNOUNCED,
    CALLERS_CLAIM,
    CLAIM,
    EVENT,
    INTENT,
    LEASE,
    REFUSE,
    REJECT,
    SCHEDULE,
    STORE,
    announce_what_was_left,
    is_refreshed,
    killed_at,
    killed_while_waiting,
    kinds_of_events,
    phase,
    requests_to,
)

pytestmark = pytest.mark.long

QUARANTINE = {"minutes": 11}


@pytest.fixture
def link(sandbox, user):
    """A link whose access token is over."""
    return age(link_to(sandbox, user), hours=2)


def call(link):
    return BufferClient(link).get_access_token()


def assert_the_next_caller_gets_a_token(sandbox, link):
    assert call(link) == tokens_of(link)[0]
    assert is_refreshed(sandbox, link)


def assert_nobody_sends_it_again_for_a_while(sandbox, link, *, requests):
    """Look again at once, after the lease, and shortly before the end of the quarantine."""
    for pause in ({"seconds": 0}, LEASE, {"minutes": 6}):
        age(link, **pause)
        with pytest.raises(TokenUnavailable):
            BufferClient(link).get_access_token()
        assert (flows.sweep(), requests_to(sandbox)) == (0, requests)
    assert held(link).is_active


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_it_says_what_it_wants(sandbox, link, start, moment):
    # Over, and yet not due: only then does a caller schedule it.
    BufferLink.objects.update(refresh_due_at=timezone.now() + timedelta(hours=1))
    killed_at(start, SCHEDULE, moment, "call", [link.pk])
    assert_the_next_caller_gets_a_token(sandbox, link)


def test_killed_before_the_claim(sandbox, link, start):
    killed_at(start, CALLERS_CLAIM, "before", "call", [link.pk])
    assert phase(link) == ("IDLE", 0)
    assert_the_next_caller_gets_a_token(sandbox, link)


def test_killed_after_the_claim_which_is_the_intent_as_well(sandbox, link, start):
    killed_at(start, CALLERS_CLAIM, "after", "call", [link.pk])
    assert phase(link) == ("SENT", 1)
    assert_nobody_sends_it_again_for_a_while(sandbox, link, requests=0)
    age(link, **QUARANTINE)
    assert_the_next_caller_gets_a_token(sandbox, link)


def test_killed_while_it_waits_for_an_answer_that_never_comes(sandbox, link, start):
    sandbox.fail_next("outage", seconds=30)
    killed_while_waiting(start, sandbox, "call", [link.pk])
    assert_nobody_sends_it_again_for_a_while(sandbox, link, requests=1)
    age(link, **QUARANTINE)
    assert_the_next_caller_gets_a_token(sandbox, link)


def test_killed_while_the_answer_is_on_its_way(sandbox, link, start):
    sandbox.fail_next("slow", seconds=30)
    killed_while_waiting(start, sandbox, "call", [link.pk])
    assert_nobody_sends_it_again_for_a_while(sandbox, link, requests=1)
    age(link, **QUARANTINE)
    with pytest.raises(LinkRevoked) as caught:
        call(link)
    assert caught.value.reason == BufferLink.Reason.ANSWER_LOST


def test_killed_before_the_answer_is_stored(sandbox, link, start):
    killed_at(start, STORE, "before", "call", [link.pk])
    assert phase(link) == ("SENT", 1)
    assert_nobody_sends_it_again_for_a_while(sandbox, link, requests=1)


def test_killed_after_the_answer_is_stored(sandbox, link, start):
    killed_at(start, STORE, "after", "call", [link.pk])
    assert is_refreshed(sandbox, link)
    assert call(link) == tokens_of(link)[0]
    assert requests_to(sandbox) == 1


@pytest.mark.parametrize(
    ("statement", "moment", "left"),
    [
        (CLAIM, "before", ("UNKNOWN", 1)),
        (CLAIM, "after", ("SENT", 1)),
        (INTENT, "before", ("SENT", 1)),
        (INTENT, "after", ("SENT", 2)),
    ],
)
def test_killed_between_the_claim_of_a_link_in_doubt_and_its_second_send(
    sandbox, in_doubt, start, statement, moment, left
):
    killed_at(start, statement, moment, "call", [in_doubt.pk])
    assert (phase(in_doubt), requests_to(sandbox)) == (left, 0)
    age(in_doubt, **QUARANTINE)
    assert_the_next_caller_gets_a_token(sandbox, in_doubt)


@pytest.fixture
def refused(sandbox, user):
    """A link whose access token the API alone does not accept any more."""
    link = link_to(sandbox, user)
    sandbox.advance(2 * 3600)
    return link


def ask(link):
    return BufferClient(link).execute("query { account { id } }")


@pytest.mark.parametrize(("moment", "rejected"), [("before", None), ("after", 1)])
def test_killed_while_it_notes_that_the_api_refused_a_token(
    sandbox, refused, start, moment, rejected
):
    killed_at(start, REJECT, moment, "ask", refused.pk, 1)
    row = held(refused)
    assert (row.is_active, row.rejected_generation, requests_to(sandbox)) == (True, rejected, 0)
    assert ask(refused) == {"account": {"id": "account-1"}}
    assert is_refreshed(sandbox, refused)
    assert requests_to(sandbox) == 1


def test_what_it_has_noted_needs_no_second_refusal(sandbox, refused, start):
    killed_at(start, REJECT, "after", "ask", refused.pk, 1)
    sandbox.forget_requests()
    assert_the_next_caller_gets_a_token(sandbox, refused)
    assert len(sandbox.requests_to("api")) == 0


@pytest.fixture
def refused_at_once(refused):
    """A link whose token the API does not accept, though a 401 had it refreshed just now."""
    BufferLink.objects.update(forced_at=held(refused).database_now)
    return refused


@pytest.mark.parametrize(
    ("statement", "moment"), [(REFUSE, "before"), (REFUSE, "after"), (EVENT, "after")]
)
def test_killed_while_it_ends_a_link_that_the_api_refuses(
    refused_at_once, start, statement, moment
):
    killed_at(start, statement, moment, "ask", refused_at_once.pk, 1)
    assert (held(refused_at_once).is_active, kinds_of_events()) == (True, [])
    with pytest.raises(LinkRevoked) as caught:
        ask(refused_at_once)
    assert caught.value.reason == BufferLink.Reason.UNAUTHORIZED
    assert kinds_of_events() == ["revoked"]


def test_killed_when_it_has_ended_one(refused_at_once, start, heard):
    killed_at(start, ANNOUNCED, "before", "ask", refused_at_once.pk, 1)
    assert held(refused_at_once).reason == BufferLink.Reason.UNAUTHORIZED
    calls = heard(link_revoked)
    announce_what_was_left()
    assert [call["reason"] for call in calls] == [BufferLink.Reason.UNAUTHORIZED]
