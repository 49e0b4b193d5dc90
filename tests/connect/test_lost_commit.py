"""The callback's database is lost at its COMMIT: nobody here knows whether the link was stored."""

from http import HTTPStatus

import pytest
from django.db import connection

from buffer_connect.models import BufferLink, LinkEvent
from tests.connect.test_crash import RENEW, coming_back, granted
from tests.links import tokens_of
from tests.refresh.test_lost_database import proxy, start

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="needs a server"),
]

__all__ = ["granted", "proxy", "start"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_it_is_stored_and_told_once(sandbox, person, start, proxy, granted, moment):
    proxy.break_at(moment, RENEW, "INSERT INTO", "COMMIT")
    assert coming_back(start, person, granted).result()[0] == HTTPStatus.SEE_OTHER
    assert proxy.has_broken
    event = LinkEvent.objects.get()
    assert (event.kind, event.created, event.announced_at is not None) == ("connected", True, True)
    link = BufferLink.objects.get()
    assert (link.is_active, link.epoch) == (True, event.epoch)
    assert sandbox.is_current(tokens_of(link)[1])
    assert len(sandbox.requests_to("token")) == 1
