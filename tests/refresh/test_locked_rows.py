"""A transaction of the site keeps a link's row locked: no other link waits for that."""

import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import TokenUnavailable
from buffer_connect.models import BufferLink, LinkEvent
from tests.links import age, held, link_to, make_due, tokens_of
from tests.refresh.steps import is_refreshed, requests_to, wait_for_request

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no locks of rows"),
]


@pytest.fixture
def links(sandbox, user, transactional_db):
    """Links that are due, the first of them before the others."""
    links = [link_to(sandbox, user, account=f"account-{n}") for n in range(6)]
    for link in links:
        make_due(link)
    earlier = F("refresh_due_at") - timedelta(hours=1)
    BufferLink.objects.filter(pk=links[0].pk).update(refresh_due_at=earlier)
    return links


def lock(link):
    """Keep its row, as the site's own code may, until the transaction ends."""
    BufferLink.objects.select_for_update().get(pk=link.pk)


def all_are_refreshed(sandbox, links):
    return all(is_refreshed(sandbox, link) for link in links)


def wait_until(condition, seconds=20):
    over = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < over, "it took too long"
        time.sleep(0.02)


def test_a_sweep_passes_over_a_link_that_is_locked(sandbox, links, start):
    first, *others = links
    with transaction.atomic():
        lock(first)
        assert start("sweep").ready().go().result() == len(others)
        assert all_are_refreshed(sandbox, others)
    assert flows.sweep() == 1
    assert is_refreshed(sandbox, first)


def test_a_row_that_refers_to_a_link_hinders_no_other(sandbox, links, start):
    first, *others = links
    with transaction.atomic():
        LinkEvent.objects.record(LinkEvent.Kind.CONNECTED, link=first.pk)
        start("sweep").ready().go().result()
        assert all_are_refreshed(sandbox, others)


def test_a_link_that_has_lapsed_and_is_locked_hinders_no_other(sandbox, links, user, start):
    lapsed = link_to(sandbox, user, account="lapsed", refreshable=False)
    BufferLink.objects.filter(pk=lapsed.pk).update(expires_at=timezone.now())
    with transaction.atomic():
        lock(lapsed)
        assert start("sweep").ready().go().result() == len(links)
    flows.sweep()
    assert held(lapsed).reason == "expired"


# What a site may set so that no statement takes longer: less than the wait for a locked row.
LIMIT = {
    "postgresql": "?options=-c%20statement_timeout%3D900",
    "mysql": "?init_command=SET%20max_statement_time%3D0.9",
}


@pytest.fixture(params=["", LIMIT.get(connection.vendor)], ids=["", "statements are limited"])
def answered(request, sandbox, links, start):
    """A sweep whose answers are on their way, the first link's before the others'."""
    grant = sandbox.grant_of(tokens_of(links[0])[1]).id
    sandbox.fail_next("slow", grant=grant, seconds=1)
    sandbox.fail_next("slow", times=None, seconds=1.3)
    sweep = start("sweep", options=request.param).ready().go()
    wait_for_request(sandbox, len(links))
    return sweep


def test_no_answer_waits_for_the_row_of_another(sandbox, links, answered):
    first, *others = links
    with transaction.atomic():
        lock(first)
        wait_until(lambda: all_are_refreshed(sandbox, others))
    wait_until(lambda: is_refreshed(sandbox, first))
    assert answered.result() == len(links)
    assert requests_to(sandbox) == len(links)


@pytest.fixture
def short_budget(settings):
    timing = {**settings.BUFFER_CONNECT.get("TIMING", {}), "COMMIT": timedelta(seconds=0.1)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}


def test_an_answer_waits_for_its_row_beyond_the_commit_budget(
    sandbox, links, short_budget, answered
):
    with transaction.atomic():
        lock(links[0])
        time.sleep(6)
    answered.result()
    assert all_are_refreshed(sandbox, links)


def test_a_refusal_waits_for_its_row_as_well(sandbox, links, start):
    first, *others = links
    sandbox.revoke(sandbox.grant_of(tokens_of(first)[1]).id)
    sandbox.fail_next("slow", times=None, seconds=1)
    sweep = start("sweep").ready().go()
    wait_for_request(sandbox, len(links))
    with transaction.atomic():
        lock(first)
        wait_until(lambda: all_are_refreshed(sandbox, others))
    sweep.result()
    assert held(first).reason == "revoked_at_buffer"


def test_a_caller_whose_own_link_is_locked_is_told_in_time(sandbox, links, settings):
    timing = {"CALL_WAIT": timedelta(seconds=3)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    age(links[0], hours=2)
    with transaction.atomic():
        lock(links[0])
        with pytest.raises(TokenUnavailable):
            BufferClient(links[0]).get_access_token()
    assert BufferClient(links[0]).get_access_token() == tokens_of(links[0])[0]
    assert requests_to(sandbox) == 1
