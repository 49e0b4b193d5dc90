"""Of what was claimed, only that is sent of which it is written down."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from buffer_connect.flows.refresh.claim import claim, prepare, record_intent
from buffer_connect.models import BufferLink
from tests.links import link_to, make_due

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# As it is when the intent was written down; what follows differs from it.
WRITTEN = {"sent_generation": 1, "sent_count": 1, "sent_ended_at": None}
MEANWHILE = {
    "another worker has sent it": {**WRITTEN, "lease_owner": uuid4()},
    "it was connected again": {**WRITTEN, "epoch": uuid4()},
    "it was refreshed": {**WRITTEN, "generation": 2},
    "its turn is over": {**WRITTEN, "lease_until": LONG_AGO, "sent_generation": None},
    "its turn to be sent again is over": {**WRITTEN, "lease_until": LONG_AGO, "sent_count": 0},
    "what was sent has ended": {**WRITTEN, "lease_until": LONG_AGO, "sent_ended_at": LONG_AGO},
}


@pytest.fixture
def attempts(sandbox, user):
    links = [link_to(sandbox, user, account=f"account-{n}") for n in range(2)]
    for link in links:
        make_due(link)
    return prepare(claim([link.pk for link in links]))


def test_all_that_is_written_down_may_be_sent(attempts):
    assert record_intent(attempts) == attempts


@pytest.mark.parametrize("columns", MEANWHILE.values(), ids=MEANWHILE)
def test_what_has_moved_on_may_not(attempts, columns):
    stays, moved = attempts
    BufferLink.objects.filter(pk=moved.link.pk).update(**columns)
    assert record_intent(attempts) == [stays]
