"""Why a refused link ended: never more than the evidence, and never the user for our own loss."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.models import BufferLink
from tests.links import age, held, link_to, make_due

Reason = BufferLink.Reason


def refused(sandbox, link):
    sandbox.revoke_account("account-1")
    flows.sweep()
    return held(link).reason


def test_without_any_other_evidence_buffer_ended_it(sandbox, link):
    assert refused(sandbox, link) == Reason.REVOKED_AT_BUFFER


def test_a_server_that_says_reuse_is_believed(sandbox, link):
    sandbox.fail_next(
        "oauth_error", error="invalid_grant", description="refresh token already used"
    )
    flows.sweep()
    assert held(link).reason == Reason.REFRESH_TOKEN_REUSED


def test_a_token_that_two_rows_hold_was_reused(sandbox, link, other_user):
    twin = link_to(sandbox, other_user, account="account-2")
    BufferLink.objects.filter(pk=twin.pk).update(refresh_token_digest=link.refresh_token_digest)
    assert refused(sandbox, link) == Reason.REFRESH_TOKEN_REUSED


@pytest.mark.long
@pytest.mark.parametrize(
    ("sibling_reason", "sent_count", "expected"),
    [
        (Reason.REFRESH_TOKEN_REUSED, 1, Reason.REFRESH_TOKEN_REUSED),
        (Reason.ANSWER_LOST, 2, Reason.ANSWER_LOST),
        (Reason.ANSWER_LOST, 1, Reason.REVOKED_AT_BUFFER),
        (Reason.EXPIRED, 1, Reason.REVOKED_AT_BUFFER),
    ],
)
def test_the_end_of_a_sibling_explains_this_one(
    sandbox, link, other_user, sibling_reason, sent_count, expected
):
    sibling = link_to(sandbox, other_user)
    BufferLink.objects.filter(pk=sibling.pk).update(
        status="revoked",
        reason=sibling_reason,
        sent_count=sent_count,
        status_changed_at=timezone.now(),
        refresh_token=None,
        access_token=None,
    )
    assert refused(sandbox, link) == expected


def test_a_second_send_within_a_day_is_not_the_users_doing(sandbox, link):
    BufferLink.objects.update(anomaly_at=timezone.now() - timedelta(hours=23))
    assert refused(sandbox, link) == Reason.ANSWER_LOST


def test_a_second_send_long_ago_explains_nothing(sandbox, link):
    BufferLink.objects.update(anomaly_at=timezone.now() - timedelta(hours=25))
    assert refused(sandbox, link) == Reason.REVOKED_AT_BUFFER


def test_a_restored_database_is_named(sandbox, link):
    BufferLink.objects.update(restored_at=timezone.now())
    assert refused(sandbox, link) == Reason.CLONED_OR_RESTORED


@pytest.mark.long
@pytest.mark.parametrize(
    ("age_by", "refreshed_ago", "expected"),
    [
        ({"days": 15}, None, Reason.EXPIRED),
        ({"days": 14, "minutes": 20}, {"hours": 1}, Reason.EXPIRED),
        ({"days": 28, "minutes": 20}, {"hours": 1}, Reason.EXPIRED),
        ({"days": 20}, {"hours": 1}, Reason.REVOKED_AT_BUFFER),
        ({"days": 370}, {"hours": 1}, Reason.EXPIRED),
        ({"minutes": 20}, None, Reason.REVOKED_AT_BUFFER),
    ],
)
def test_a_life_that_is_over_has_expired(sandbox, link, age_by, refreshed_ago, expected):
    age(link, **age_by)
    if refreshed_ago:
        recently = timezone.now() - timedelta(**refreshed_ago)
        BufferLink.objects.update(last_refreshed_at=recently)
    make_due(link)
    assert refused(sandbox, link) == expected


def test_a_reuse_schedules_the_siblings_at_once(sandbox, link, other_user):
    sibling = link_to(sandbox, other_user)
    BufferLink.objects.filter(pk=sibling.pk).update(
        next_attempt_at=timezone.now() + timedelta(hours=1),
        refresh_due_at=F("refresh_due_at") + timedelta(hours=1),
    )
    sandbox.fail_next("oauth_error", error="invalid_grant", description="token reuse detected")
    flows.sweep()
    row = held(sibling)
    assert row.refresh_due_at <= row.database_now
