"""kill -9 of the process that carries the callback out: the link is there, or can be made anew."""

import signal
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from buffer_connect import flows
from buffer_connect.models import AuthorizationRequest, BufferLink, LinkEvent
from buffer_connect.signals import link_connected
from tests.links import held, link_to, make_due, tokens_of
from tests.people import CALLBACK
from tests.processes import starting
from tests.refresh.steps import EVENT, wait_for_request

pytestmark = pytest.mark.long

CONSUME = "SET consumed_at ="
RENEW = "epoch ="
CLOSE = "SET verifier ="


@pytest.fixture
def start(sandbox, database_url):
    with starting(database_url) as start:
        yield start


@pytest.fixture
def granted(person):
    """The way back from Buffer, where the user has granted all."""
    query = urlencode(person.decide(person.begin()))
    return f"{CALLBACK}?{query}"


def coming_back(start, person, address, **options):
    cookies = person.client.cookies.output(header="", sep="; ").strip()
    return start("come back", cookies, address, **options).ready().go()


def killed_at(start, person, address, statement, moment):
    coming_back(
        start, person, address, signal_at=(statement, moment, signal.SIGKILL)
    ).wait_until_killed()


def killed_while_waiting(start, sandbox, person, address):
    sandbox.fail_next("slow", seconds=30)
    process = coming_back(start, person, address)
    wait_for_request(sandbox)
    process.kill()


def test_nobody_is_killed(start, person, granted):
    assert coming_back(start, person, granted).result() == (HTTPStatus.SEE_OTHER, "/buffer/")
    assert BufferLink.objects.get().is_active


def test_killed_before_the_state_is_spent_the_page_can_be_loaded_again(start, person, granted):
    killed_at(start, person, granted, CONSUME, "before")
    assert person.client.get(granted).status_code == HTTPStatus.SEE_OTHER
    assert BufferLink.objects.get().is_active


def lose_the_code(start, sandbox, person, address):
    killed_at(start, person, address, CONSUME, "after")


def lose_the_answer(start, sandbox, person, address):
    killed_while_waiting(start, sandbox, person, address)


def lose_the_tokens(start, sandbox, person, address):
    killed_at(start, person, address, RENEW, "before")


def lose_the_transaction(start, sandbox, person, address):
    killed_at(start, person, address, RENEW, "after")


def lose_the_event(start, sandbox, person, address):
    killed_at(start, person, address, EVENT, "before")


losses = pytest.mark.parametrize(
    "lose",
    [lose_the_code, lose_the_answer, lose_the_tokens, lose_the_transaction, lose_the_event],
)


@losses
def test_killed_before_the_link_is_stored_it_can_be_made_anew(
    start, sandbox, person, granted, lose
):
    lose(start, sandbox, person, granted)
    assert not LinkEvent.objects.exists()
    assert not BufferLink.objects.active().exists()
    # The code is spent once at most, and whoever loads the page again meets no error.
    assert person.client.get(granted)["Location"] == reverse("buffer_connect:links")
    person.connect()
    assert BufferLink.objects.get().is_active


@losses
def test_the_link_that_was_to_be_renewed_is_left_as_it_was(
    start, sandbox, user, person, granted, lose
):
    link = link_to(sandbox, user)
    before = tokens_of(link)
    lose(start, sandbox, person, granted)
    assert (held(link).is_active, tokens_of(link)) == (True, before)
    make_due(link)
    sandbox.forget_requests()
    flows.sweep()
    assert (held(link).generation, len(sandbox.requests_to("token"))) == (2, 1)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_after_the_link_is_stored_it_is_told_later(
    start, sandbox, person, granted, heard, moment
):
    killed_at(start, person, granted, CLOSE, moment)
    link = BufferLink.objects.get()
    assert (link.is_active, LinkEvent.objects.get().announced_at) == (True, None)
    assert person.client.get(granted)["Location"] == reverse("buffer_connect:links")
    calls = heard(link_connected)
    LinkEvent.objects.update(created_at=held(link).database_now - timedelta(minutes=6))
    flows.clean_up()
    assert [(call["link"], call["created"]) for call in calls] == [(link, True)]
    assert len(sandbox.requests_to("token")) == 1
    assert AuthorizationRequest.objects.get().consumed_at is not None
