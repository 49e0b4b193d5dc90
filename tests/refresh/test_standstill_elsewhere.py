"""A standstill at the steps around a refresh: what has happened since holds, and not what was meant."""

import pytest
from django.db import connection

from buffer_connect import flows
from buffer_connect.models import BufferLink, ServiceState
from tests.keys import OLD, hold, other_key
from tests.links import age, held, link_to, make_due, tokens_of
from tests.refresh.steps import (
    BLOCK,
    LEASE,
    REFUSE,
    REJECT,
    RELEASE,
    RESTORE,
    STORE,
    gone_on,
    is_refreshed,
    kinds_of_events,
    phase,
    requests_to,
    stopped_at,
)

pytestmark = pytest.mark.long

# In its transaction: on SQLite all others would wait for its end.
amid_a_transaction = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="a transaction there locks out all others"
)
Reason = BufferLink.Reason


@pytest.fixture
def refused(sandbox, user):
    """A link whose access token the API alone does not accept any more."""
    link = link_to(sandbox, user)
    sandbox.advance(2 * 3600)
    return link


def test_what_it_gives_back_is_not_what_another_has_refreshed(sandbox, user, start, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": {"IN_FLIGHT": 2}}
    links = [link_to(sandbox, user, account=f"account-{number}") for number in range(12)]
    for link in links:
        make_due(link)
    sandbox.fail_next("invalid_client", times=None)
    worker = stopped_at(start, RELEASE, "before")
    sandbox.clear_faults()
    ServiceState.objects.update(probe_at=None)
    for link in links:
        age(link, minutes=5)
    flows.sweep()
    gone_on(worker)
    assert all(is_refreshed(sandbox, link) for link in links)


def test_what_it_puts_off_is_not_what_another_can_open(sandbox, link, start, settings):
    hold(settings, other_key(OLD))
    worker = stopped_at(start, BLOCK, "before")
    hold(settings, OLD)
    age(link, **LEASE)
    flows.sweep()
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert held(link).last_error == ""


def test_a_callers_answer_is_stored_after_the_lease(sandbox, link, start):
    age(link, hours=2)
    caller = stopped_at(start, STORE, "before", "call", [link.pk])
    age(link, **LEASE)
    assert (phase(link), flows.sweep()) == (("UNKNOWN", 1), 0)
    assert gone_on(caller) == [(tokens_of(link)[0], None)]
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


def test_a_token_that_the_api_refused_is_not_the_one_that_is_there_now(sandbox, refused, start):
    caller = stopped_at(start, REJECT, "before", "ask", refused.pk, 1)
    make_due(refused)
    flows.sweep()
    assert gone_on(caller) == [{"account": {"id": "account-1"}}]
    assert is_refreshed(sandbox, refused)
    assert requests_to(sandbox) == 1


@amid_a_transaction
def test_nor_does_its_refusal_end_the_link_that_a_user_has_connected_anew(
    sandbox, user, refused, start
):
    BufferLink.objects.update(forced_at=held(refused).database_now)
    caller = stopped_at(start, REFUSE, "before", "ask", refused.pk, 1)
    tokens = tokens_of(link_to(sandbox, user))
    assert gone_on(caller) == [{"account": {"id": "account-1"}}]
    assert (held(refused).is_active, tokens_of(refused)) == (True, tokens)
    assert kinds_of_events() == []


@amid_a_transaction
def test_what_its_user_has_disconnected_is_not_restored(sandbox, user, link, start):
    ended = {"status": BufferLink.Status.REVOKED, "reason": Reason.UNAUTHORIZED}
    BufferLink.objects.update(**ended, rejected_generation=1)
    asked = stopped_at(start, RESTORE, "before", "check", link.pk)
    start("end", [link.pk]).ready().go().result()
    gone_on(asked)
    assert held(link).status == BufferLink.Status.DISCONNECTED
    assert kinds_of_events() == ["disconnected"]
