"""What the links of one account do to each other."""

import pytest

from benchmarks.reliability.siblings import Siblings
from buffer_connect.models import BufferLink, LinkEvent
from tests.links import link_to
from tests.reliability.records import END, ISSUED_AT, grant
from tests.reliability.test_evidence import standing


@pytest.fixture
def pair(sandbox, user, other_user):
    """Two links of one account, beside one of another."""
    link_to(sandbox, user, account="account-2")
    return link_to(sandbox, user), link_to(sandbox, other_user)


def siblings(*standings):
    return Siblings(standings, {(each.link, each.epoch): grant() for each in standings})


def test_a_link_has_an_active_sibling_from_its_connect_to_its_end(pair):
    one, other = pair
    ended = {"status": BufferLink.Status.REVOKED, "changed_at": 120.0}
    of = siblings(standing(link=other.pk, **ended))
    active = [of.has_active(one.pk, moment) for moment in (ISSUED_AT - 1, 119.0, 121.0)]
    assert active == [False, True, False]


def test_a_link_is_no_sibling_of_itself_nor_of_another_account(pair):
    one, other = pair
    of = siblings(*(standing(link=pk) for pk in BufferLink.objects.values_list("pk", flat=True)))
    assert of.has_active(one.pk, END)
    assert not siblings(standing(link=one.pk)).has_active(one.pk, END)
    alone = BufferLink.objects.exclude(pk__in=(one.pk, other.pk)).get()
    assert not of.has_active(alone.pk, END)


def test_what_a_sibling_sent_again_counts_whenever_it_was(pair):
    one, other = pair
    event = LinkEvent.objects.record(LinkEvent.Kind.RESENT, link=other.pk, epoch=other.epoch)
    event.refresh_from_db()
    at = event.created_at.timestamp()
    assert siblings().was_resent(one.pk, since=at + 1, until=at + 2)
    assert not siblings().was_resent(one.pk, since=at - 2, until=at - 1)
    assert not siblings().was_resent(other.pk, since=at + 1, until=at + 2)
