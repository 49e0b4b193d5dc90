"""A process that stands still when Buffer has answered the exchange of a code, and then goes on."""

import signal
import time
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.urls import reverse

from buffer_connect import flows
from buffer_connect.models import AuthorizationRequest, BufferLink
from tests.connect.test_crash import coming_back, granted, start
from tests.links import held, make_due, tokens_of

pytestmark = pytest.mark.long

__all__ = ["granted", "start"]

# What closes the breaker, when tokens have come.
EXCHANGED = "SELECT s.name FROM"
STANDSTILL = 6.0


@pytest.fixture
def stopped(sandbox, person, granted, start):
    at = (EXCHANGED, "before", signal.SIGSTOP)
    process = coming_back(start, person, granted, signal_at=at)
    process.wait_until_stopped()
    assert len(sandbox.requests_to("token")) == 1
    return process


def test_the_link_is_made_all_the_same(sandbox, stopped):
    # Longer than a database may keep the user waiting.
    time.sleep(STANDSTILL)
    stopped.go_on()
    assert stopped.result() == (HTTPStatus.SEE_OTHER, reverse("buffer_connect:links"))
    link = BufferLink.objects.get()
    assert sandbox.is_current(tokens_of(link)[1])
    assert AuthorizationRequest.objects.get().outcome == "linked"


def test_its_access_token_has_aged_meanwhile(stopped):
    time.sleep(STANDSTILL)
    stopped.go_on()
    stopped.result()
    row = held(BufferLink.objects.get())
    assert row.life_left <= timedelta(hours=1, seconds=-STANDSTILL)


def test_who_loads_the_page_meanwhile_spends_no_code(sandbox, person, granted, stopped):
    assert person.client.get(granted)["Location"] == reverse("buffer_connect:links")
    stopped.go_on()
    stopped.result()
    assert BufferLink.objects.get().is_active
    assert len(sandbox.requests_to("token")) == 1


def test_who_connects_meanwhile_has_a_link_that_works(sandbox, person, stopped):
    person.connect()
    stopped.go_on()
    stopped.result()
    link = BufferLink.objects.get()
    assert len(sandbox.requests_to("revocation")) == 0
    make_due(link)
    flows.sweep()
    row = held(link)
    assert (row.is_active, row.generation, sandbox.is_current(tokens_of(row)[1])) == (True, 2, True)
