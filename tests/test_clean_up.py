from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from buffer_connect import flows, signals
from buffer_connect.models import BufferLink, LinkEvent
from tests.links import link_to


@pytest.fixture
def owed(sandbox, user):
    """A link whose process was killed between the commit and the signal."""
    link = link_to(sandbox, user)
    event = LinkEvent.objects.record(LinkEvent.Kind.REVOKED, link=link.pk, reason="answer_lost")
    LinkEvent.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    return LinkEvent.objects.get(pk=event.pk)


def test_a_signal_that_a_killed_process_owes_is_sent(owed, heard):
    calls = heard(signals.link_revoked)
    flows.clean_up()
    assert [call["event_id"] for call in calls] == [owed.uid]


def test_it_is_sent_once(owed, heard):
    flows.clean_up()
    calls = heard(signals.link_revoked)
    flows.clean_up()
    assert calls == []


def test_a_process_that_may_still_be_at_it_is_given_time(owed, heard):
    calls = heard(signals.link_revoked)
    LinkEvent.objects.update(created_at=F("created_at") + timedelta(minutes=2))
    flows.clean_up()
    assert calls == []


def test_what_was_told_is_noted_with_that_event_only(owed):
    young = LinkEvent.objects.record(LinkEvent.Kind.REVOKED, link=owed.link_id)
    flows.clean_up()
    assert list(LinkEvent.objects.unannounced()) == [young]


def test_what_is_no_change_of_state_is_not_told(owed, heard):
    LinkEvent.objects.update(kind=LinkEvent.Kind.RESENT)
    calls = heard(signals.link_connected)
    flows.clean_up()
    assert calls == []


@pytest.mark.long
def test_old_events_that_wait_to_be_told_are_kept(owed):
    ago = timezone.now() - timedelta(days=91)
    many = (LinkEvent(link_id=owed.link_id, kind="revoked", created_at=ago) for _ in range(1001))
    LinkEvent.objects.bulk_create(many)
    flows.clean_up()
    assert LinkEvent.objects.unannounced().exists()


def test_old_events_are_deleted_once_they_are_told(owed, settings):
    flows.clean_up()
    LinkEvent.objects.update(created_at=timezone.now() - timedelta(days=91))
    flows.clean_up()
    assert not LinkEvent.objects.exists()


def test_old_events_that_nobody_is_told_of_are_deleted_too(owed):
    LinkEvent.objects.update(
        kind=LinkEvent.Kind.RESENT, created_at=timezone.now() - timedelta(days=91)
    )
    flows.clean_up()
    assert not LinkEvent.objects.exists()


def test_a_link_that_has_not_changed_for_long_stays(owed):
    BufferLink.objects.update(status_changed_at=timezone.now() - timedelta(days=91))
    flows.clean_up()
    assert BufferLink.objects.active().exists()


def test_disconnected_links_are_kept_for_the_retention(owed, user):
    ago = timezone.now() - timedelta(days=89)
    gone = {"status": "disconnected", "refresh_token": None, "access_token": None}
    BufferLink.objects.update(**gone, status_changed_at=ago)
    flows.clean_up()
    assert BufferLink.objects.exists()
    BufferLink.objects.update(status_changed_at=ago - timedelta(days=2))
    flows.clean_up()
    assert not BufferLink.objects.exists()
