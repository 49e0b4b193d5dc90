"""Links that lapse, answers that come late, and rows that changed under an answer."""

import uuid

import pytest
from django.db import IntegrityError
from django.utils import timezone

from buffer_connect import flows, signals
from buffer_connect.flows.refresh.claim import claim, prepare, record_intent
from buffer_connect.flows.refresh.resend import may_leave
from buffer_connect.flows.refresh.settle import Landed, settle
from buffer_connect.models import BufferLink, PendingRevocation
from buffer_connect.oauth.token import Outcome, TokenSet, Verdict
from buffer_connect.sealing import Secret
from tests.links import age, held, link_to, tokens_of

ANSWER = Outcome(
    verdict=Verdict.OK,
    tokens=TokenSet(
        access_token=Secret("new-access"), refresh_token=Secret("new-refresh"), life=60
    ),
)


def under_way(link):
    """Claim `link`, write the intent down and return the attempt whose answer is awaited."""
    (attempt,) = record_intent(prepare(claim([link.pk])))
    return attempt


def answered(attempt, outcome=ANSWER):
    settle(attempt, Landed.now(outcome))


def test_a_lapsed_link_ends_in_the_sweep(sandbox, user, heard):
    calls = heard(signals.link_revoked)
    link = link_to(sandbox, user, refreshable=False)
    age(link, hours=2)
    flows.sweep()
    assert held(link).reason == BufferLink.Reason.EXPIRED
    assert len(calls) == 1


def test_a_late_answer_brings_an_ended_link_back(link, heard):
    calls = heard(signals.link_connected)
    attempt = under_way(link)
    BufferLink.objects.update(
        status="revoked", reason="answer_lost", refresh_token=None, access_token=None
    )
    answered(attempt)
    assert (held(link).status, tokens_of(link)) == ("active", ("new-access", "new-refresh"))
    assert [call["created"] for call in calls] == [False]


def test_an_answer_is_stored_whoever_holds_the_lease(link):
    attempt = under_way(link)
    BufferLink.objects.update(lease_owner=uuid.uuid4(), lease_until=timezone.now())
    answered(attempt)
    assert tokens_of(link) == ("new-access", "new-refresh")


def test_an_answer_to_an_older_generation_is_discarded(link):
    attempt = under_way(link)
    answered(attempt)
    late = Outcome(
        verdict=Verdict.OK,
        tokens=TokenSet(access_token=Secret("late"), refresh_token=Secret("late"), life=60),
    )
    answered(attempt, late)
    assert tokens_of(link) == ("new-access", "new-refresh")


def test_an_answer_after_a_reconnect_is_discarded_and_not_revoked(sandbox, link, user):
    attempt = under_way(link)
    link_to(sandbox, user)
    kept = tokens_of(link)
    answered(attempt)
    assert tokens_of(link) == kept
    assert not PendingRevocation.objects.exists()


def test_an_answer_for_a_link_that_was_deleted_goes_to_the_outbox(link):
    attempt = under_way(link)
    BufferLink.objects.filter(pk=link.pk)._raw_delete("default")
    answered(attempt)
    assert PendingRevocation.objects.get().account_key == link.account_key


def test_a_stale_refusal_is_not_an_event(link):
    attempt = under_way(link)
    answered(attempt)
    answered(attempt, Outcome(verdict=Verdict.REFUSED, error="invalid_grant", answered=True))
    assert held(link).is_active


def test_deleting_a_user_keeps_the_token_for_revocation(sandbox, link, user):
    user.delete()
    assert PendingRevocation.objects.get().account_key == link.account_key
    assert not BufferLink.objects.exists()


def test_a_token_that_cannot_be_opened_does_not_stop_a_deletion(link, user, caplog):
    BufferLink.objects.update(refresh_token=b"\x01\x01x" + bytes(40))
    user.delete()
    assert not PendingRevocation.objects.exists()
    assert "revocation=lost" in caplog.text


@pytest.mark.parametrize("status", ["revoked", "disconnected"])
def test_the_database_refuses_an_ended_link_with_tokens(link, status):
    with pytest.raises(IntegrityError):
        BufferLink.objects.update(status=status)


@pytest.fixture
def resend(sandbox, link):
    """An attempt that is about to send a generation again."""
    sandbox.fail_next("lose_answer")
    flows.sweep()
    age(link, minutes=71)
    return under_way(link)


def test_what_is_sent_again_leaves_while_its_link_is_there(resend):
    assert may_leave(resend)


def test_it_does_not_leave_when_its_link_has_ended_meanwhile(resend):
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.update(status="revoked", **nothing)
    assert not may_leave(resend)


def test_nor_when_its_user_has_connected_again_meanwhile(resend, sandbox, user):
    link_to(sandbox, user)
    assert not may_leave(resend)


def test_a_reuse_leaves_the_links_of_other_accounts_alone(sandbox, link, other_user):
    stranger = link_to(sandbox, other_user, account="account-2")
    sandbox.fail_next("oauth_error", error="invalid_grant", description="token was already used")
    flows.sweep()
    assert held(stranger).generation == 1
