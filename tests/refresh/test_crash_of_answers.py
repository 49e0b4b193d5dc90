"""kill -9 of a worker at an answer that is neither a token set nor a plain refusal."""

import pytest

from buffer_connect import flows
from buffer_connect.flows.refresh import breaker
from buffer_connect.models import BufferLink, ServiceState
from tests.links import age, held, link_to, make_due, tokens_of
from tests.refresh.steps import (
    DOUBT,
    LEASE,
    OPEN_BREAKER,
    POSTPONE,
    STORE_REFRESH_TOKEN,
    TOKEN_AND_QUARANTINE,
    is_refreshed,
    killed_at,
    kinds_of_events,
    phase,
    requests_to,
)

pytestmark = pytest.mark.long


def test_killed_before_a_refresh_token_without_an_access_token_is_stored(sandbox, link, start):
    sandbox.fail_next("alter", changes={"access_token": None})
    killed_at(start, STORE_REFRESH_TOKEN, "before")
    assert phase(link) == ("SENT", 1)
    age(link, **LEASE)
    assert (flows.sweep(), requests_to(sandbox)) == (0, 1)
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert held(link).reason == BufferLink.Reason.ANSWER_LOST


def test_killed_after_it_is_stored(sandbox, link, start):
    access_token = tokens_of(link)[0]
    sandbox.fail_next("alter", changes={"access_token": None})
    killed_at(start, STORE_REFRESH_TOKEN, "after")
    assert (held(link).generation, tokens_of(link)[0]) == (2, access_token)
    assert sandbox.is_current(tokens_of(link)[1])
    age(link, minutes=2)
    flows.sweep()
    assert (held(link).generation, tokens_of(link)[0] != access_token) == (3, True)
    assert (kinds_of_events(), requests_to(sandbox)) == ([], 2)


@pytest.fixture
def ending(sandbox, link):
    """A link whose access token lives for four minutes more, and whose request comes to an error."""
    age(link, minutes=56)
    sandbox.fail_next("oauth_error", error="server_error", status=500)
    return link


def test_killed_before_it_notes_that_a_request_is_over(sandbox, ending, start):
    killed_at(start, DOUBT, "before")
    assert (phase(ending), held(ending).sent_ended_at) == (("SENT", 1), None)
    age(ending, minutes=6)
    assert (flows.sweep(), requests_to(sandbox)) == (0, 1)
    age(ending, minutes=6)
    flows.sweep()
    assert is_refreshed(sandbox, ending)


def test_killed_after_it_notes_that_a_request_is_over(sandbox, ending, start):
    killed_at(start, DOUBT, "after")
    assert phase(ending) == ("UNKNOWN", 1)
    assert held(ending).sent_ended_at is not None
    age(ending, minutes=2)
    assert (flows.sweep(), requests_to(sandbox)) == (0, 1)
    # The access token is over, and there is no quarantine to wait for.
    age(ending, minutes=4)
    flows.sweep()
    assert is_refreshed(sandbox, ending)


def test_killed_between_the_breaker_and_the_note_that_a_token_was_not_used(
    sandbox, link, other_user, start
):
    sandbox.fail_next("invalid_client")
    killed_at(start, POSTPONE, "before")
    assert (phase(link), breaker.is_open()) == (("SENT", 1), True)
    # The client is right again, and a link that is in no doubt shows it.
    other = link_to(sandbox, other_user, account="account-2")
    make_due(other)
    ServiceState.objects.update(probe_at=None)
    flows.sweep()
    assert (is_refreshed(sandbox, other), breaker.is_open()) == (True, False)
    assert (phase(link)[1], requests_to(sandbox)) == (1, 2)
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert is_refreshed(sandbox, link)


def test_killed_before_the_breaker_opens(sandbox, link, start):
    sandbox.fail_next("invalid_client")
    killed_at(start, OPEN_BREAKER, "before")
    assert (phase(link), breaker.is_open()) == (("SENT", 1), False)
    age(link, **LEASE)
    assert (flows.sweep(), requests_to(sandbox)) == (0, 1)
    age(link, **TOKEN_AND_QUARANTINE)
    flows.sweep()
    assert is_refreshed(sandbox, link)
