"""What a production site meets: a wrong secret, an outage, a lost key, a Buffer that refuses all."""

import socket
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F

from buffer_connect import flows
from buffer_connect.flows.refresh import introspection
from buffer_connect.flows.refresh.halt import Halt, halts
from buffer_connect.models import BufferLink, LinkEvent, ServiceState, statements
from buffer_connect.sealing import generate_entry
from tests.links import TIMES, link_to, tokens_of
from tests.processes import together
from tests.refresh.steps import requests_to

pytestmark = pytest.mark.long

EVERY = {
    BufferLink: TIMES,
    LinkEvent: ("created_at", "announced_at"),
    ServiceState: ("opened_at", "probe_at", "updated_at"),
}


def due_links(sandbox, user, number, name="account"):
    with transaction.atomic():
        links = [link_to(sandbox, user, account=f"{name}-{n}") for n in range(number)]
        statements.schedule_all(ids=[link.pk for link in links])
    return links


def change(settings, **ours):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **ours}


def let_pass(sandbox, **by):
    """Let time pass for all rows and for Buffer."""
    passed = timedelta(**by)
    for model, names in EVERY.items():
        model.objects.update(**{name: F(name) - passed for name in names})
    sandbox.advance(passed.total_seconds())


def minutes_of_sweeps(sandbox, minutes):
    for _ in range(minutes):
        let_pass(sandbox, minutes=1)
        flows.sweep()


def alive(sandbox, links):
    """How many of `links` were refreshed, and live on what the server takes for the latest."""
    refreshed = BufferLink.objects.active().filter(generation__gt=1)
    current = sum(sandbox.is_current(tokens_of(link)[1]) for link in links)
    return min(refreshed.count(), current)


def test_a_wrong_secret_for_an_hour_ends_nothing_and_the_right_one_heals_at_once(
    sandbox, user, settings, start
):
    links = due_links(sandbox, user, 40)
    right = settings.BUFFER_CONNECT
    change(settings, CLIENT_SECRET="not-the-secret")
    together([start("sweep"), start("sweep"), start("call", [link.pk for link in links])])
    minutes_of_sweeps(sandbox, 60)
    assert (BufferLink.objects.active().count(), halts()) == (40, {Halt.BREAKER})
    # What was out when it began, and one a minute since.
    assert requests_to(sandbox) <= 2 * 16 + 60
    settings.BUFFER_CONNECT = right
    let_pass(sandbox, seconds=4)
    together([start("sweep")])
    assert (alive(sandbox, links), halts()) == (40, set())


USUAL = {"SENDS_PER_SECOND": 200}
SHORT = {
    "CONNECT": timedelta(seconds=0.2),
    "READ": timedelta(seconds=0.2),
    "TOTAL": timedelta(seconds=0.3),
    **USUAL,
}


@contextmanager
def refused_connections(sandbox, settings):
    # It is kept from others, and nobody listens.
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        change(settings, ISSUER=f"http://127.0.0.1:{port.getsockname()[1]}")
        yield
    change(settings, ISSUER=sandbox.url)


def answers_of_503(sandbox, settings):
    return sandbox.failing("error_before", on="all")


@contextmanager
def no_answers(sandbox, settings):
    change(settings, TIMING=SHORT)
    with sandbox.failing("error_before", on="all", seconds=0.4):
        yield
    change(settings, TIMING=USUAL)


@pytest.mark.parametrize("outage", [refused_connections, answers_of_503, no_answers])
def test_an_outage_of_an_hour_ends_nothing(sandbox, user, settings, start, outage):
    change(settings, TIMING=USUAL)
    links = due_links(sandbox, user, 40)
    with outage(sandbox, settings):
        together([start("sweep"), start("sweep")])
        minutes_of_sweeps(sandbox, 60)
    assert BufferLink.objects.active().filter(generation=1).count() == 40
    # What may have been sent waits for its quarantine, the others for their next attempt.
    minutes_of_sweeps(sandbox, 16)
    assert alive(sandbox, links) == 40
    assert not LinkEvent.objects.exclude(kind="resent").exists()


@pytest.mark.parametrize("outage", [refused_connections, answers_of_503])
@pytest.mark.parametrize("lasting", [True, False], ids=["one process", "a process each minute"])
def test_nor_does_it_where_two_users_have_linked_one_account(
    sandbox, user, other_user, settings, outage, lasting, learn_nothing
):
    change(settings, TIMING=USUAL)
    due_links(sandbox, user, 1, "alone")
    learn_nothing()
    flows.sweep()
    links = due_links(sandbox, user, 10) + due_links(sandbox, other_user, 10)
    with outage(sandbox, settings):
        for _ in range(60):
            lasting or learn_nothing()
            minutes_of_sweeps(sandbox, 1)
    assert not BufferLink.objects.revoked().exists()
    # The minute is over in which it is not asked again.
    introspection._SILENT_UNTIL.clear()
    for _ in range(70):
        lasting or learn_nothing()
        minutes_of_sweeps(sandbox, 1)
    assert alive(sandbox, links) == 20


def test_what_an_outage_left_is_sent_at_a_rate_and_not_in_a_stampede(
    sandbox, user, settings, start
):
    links = due_links(sandbox, user, 600)
    change(settings, TIMING={"SENDS_PER_SECOND": 2000})
    with refused_connections(sandbox, settings):
        minutes_of_sweeps(sandbox, 12)
    # The longest wait after a failure.
    let_pass(sandbox, minutes=5)
    assert BufferLink.objects.active().filter(failures__gt=1).count() == 600
    change(settings, TIMING={"SENDS_PER_SECOND": 100})
    sweeps = [start("sweep").ready() for _ in range(3)]
    began = time.monotonic()
    for sweep in sweeps:
        sweep.go()
    while any(sweep.is_running for sweep in sweeps):
        sent = requests_to(sandbox)
        assert sent <= 100 * (time.monotonic() - began) + 100
        time.sleep(0.05)
    assert (requests_to(sandbox), alive(sandbox, links)) == (600, 600)
    assert time.monotonic() - began >= 5


def test_links_whose_key_is_missing_do_not_starve_the_others(sandbox, user, settings):
    """They are the soonest due, and ten times what may be sent in a second."""
    ours = settings.BUFFER_CONNECT["ENCRYPTION_KEYS"]
    change(settings, TIMING={}, ENCRYPTION_KEYS=[generate_entry("lost")])
    due_links(sandbox, user, 200)
    change(settings, ENCRYPTION_KEYS=ours)
    healthy = due_links(sandbox, user, 10, "healthy")
    assert flows.sweep() == 210
    assert alive(sandbox, healthy) == 10
    assert BufferLink.objects.active().filter(last_error="KeyUnavailable").count() == 200


def test_a_buffer_that_refuses_all_ends_few_links_before_the_brake_holds(sandbox, user, start):
    due_links(sandbox, user, 1000)
    sandbox.fail_next("oauth_error", times=None, error="invalid_grant", seconds=0.02)
    together([start("sweep") for _ in range(3)])
    # The 48th refusal is the first that is more than a twentieth of what is active.
    assert BufferLink.objects.revoked().count() == 47
    assert halts() == {Halt.BRAKE}
    assert BufferLink.objects.held_back().count() == requests_to(sandbox) - 47
    # Each process settles what it had out, and sends no more.
    assert requests_to(sandbox) <= 47 + 3 * 2 * 16
    assert flows.sweep() == 0
