"""Refreshing at an authorization server that is not ours, and that ends a grant at a reuse."""

import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import sleep

import pytest
from django.db import connection

from buffer_connect import flows, transport
from buffer_connect.client import BufferClient
from buffer_connect.graphql import ACCOUNT_QUERY
from buffer_connect.models import BufferLink
from buffer_connect.sealing import Secret
from tests.links import age, held, make_due, tokens_of
from tests.processes import together
from tests.refresh.steps import INTENT, STORE


@pytest.fixture
def link(person):
    person.connect()
    return BufferLink.objects.get()


@pytest.fixture
def links(person):
    """Twenty links of twenty accounts, whose access tokens are over."""
    for number in range(20):
        person.connect(account=f"account-{number}")
    return [age(link, hours=3) for link in BufferLink.objects.all()]


@pytest.mark.long
@pytest.mark.django_db
def test_a_sweep_rotates_the_token_of_both_kinds_of_client(person, client_kind, toolkit):
    person.connect()
    link = BufferLink.objects.get()
    _, old = tokens_of(link)
    make_due(link)
    assert flows.sweep() == 1
    access_token, new = tokens_of(link)
    assert (held(link).generation, new == old) == (2, False)
    assert toolkit.accepts(access_token)
    assert (toolkit.is_current(old), toolkit.is_current(new)) == (False, True)
    assert toolkit.requests[-1]["form"] == {
        "grant_type": ["refresh_token"],
        "refresh_token": [old],
        **{name.lower(): [value] for name, value in client_kind.items() if value},
    }


@pytest.mark.long
@pytest.mark.django_db
def test_the_life_and_the_scopes_come_with_each_refresh(person, toolkit):
    person.connect(scope="account:read offline_access")
    link = age(BufferLink.objects.get(), hours=3)
    flows.sweep()
    assert held(link).granted_scopes == ["account:read", "offline_access"]
    assert timedelta(minutes=118) < held(link).life_left <= timedelta(hours=2)


@pytest.mark.long
@pytest.mark.django_db
def test_a_chain_of_refreshes_stays_one_living_grant(link, toolkit):
    for _ in range(5):
        make_due(link)
        flows.sweep()
    assert held(link).generation == 6
    assert toolkit.grants == {(6, 1): 1}


def who_am_i(link):
    try:
        return BufferClient(link).execute(ACCOUNT_QUERY)["account"]["id"]
    finally:
        connection.close()


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_a_call_whose_token_ends_under_it_waits_for_the_successor(link, toolkit, start):
    """This server ends an access token when its successor is out, before that one has arrived."""
    make_due(link)
    sweep = start("sweep", signal_at=(STORE, "before", signal.SIGSTOP)).ready().go()
    sweep.wait_until_stopped()
    assert not toolkit.accepts(tokens_of(link)[0])
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(who_am_i, link)
        while not (held(link).is_rejected or answer.done()):
            sleep(0.01)
        sweep.go_on()
        assert answer.result() == "account-1"
    assert (held(link).generation, toolkit.grants) == (2, {(2, 1): 1})


@pytest.mark.django_db(transaction=True)
@pytest.mark.long
@pytest.mark.parametrize(
    "sweeps",
    [2, 4, 0],
    ids=lambda sweeps: f"{sweeps} sweeps and {4 - sweeps} callers",
)
def test_four_processes_refresh_twenty_ended_links_once_each(toolkit, links, start, change, sweeps):
    # A caller may have to wait for all that the others do.
    change(TIMING={"CALL_WAIT": timedelta(minutes=1)})
    pks = [link.pk for link in links]
    jobs = [("sweep",)] * sweeps + [("call", pks)] * (4 - sweeps)
    results = together([start(*job) for job in jobs])
    calls = [call for result in results if isinstance(result, list) for call in result]
    assert len(toolkit.requests) == 20 + 20
    assert toolkit.grants == {(2, 1): 20}
    assert all(toolkit.is_current(tokens_of(link)[1]) for link in links)
    assert [fault for _, fault in calls if fault] == []
    assert {token for token, _ in calls} <= {tokens_of(link)[0] for link in links}


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_a_killed_process_leaves_a_link_that_ends_as_lost_and_not_as_revoked(toolkit, link, start):
    link = age(link, hours=3)
    start("sweep", signal_at=(STORE, "before", signal.SIGKILL)).ready().go().wait_until_killed()
    assert toolkit.grants == {(2, 1): 1}
    # The lease and the quarantine pass; the server takes the second use for a theft.
    age(link, minutes=11)
    flows.sweep()
    assert (held(link).status, held(link).reason) == ("revoked", "answer_lost")
    assert toolkit.grants == {(2, 0): 1}


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_a_killed_process_that_sent_nothing_loses_nothing(toolkit, person, start):
    """This server calls every refresh token inactive when it is asked: that ends nothing."""
    person.connect(account="account-1")
    doubtful = age(BufferLink.objects.get(), hours=3)
    start("sweep", signal_at=(INTENT, "after", signal.SIGKILL)).ready().go().wait_until_killed()
    person.connect(account="account-2")
    sound = BufferLink.objects.exclude(pk=doubtful.pk).get()
    make_due(sound)
    flows.sweep()
    age(doubtful, minutes=11)
    flows.sweep()
    assert [held(link).status for link in (doubtful, sound)] == ["active", "active"]
    assert toolkit.grants == {(2, 1): 2}


@pytest.mark.long
@pytest.mark.django_db
def test_what_this_server_says_of_a_living_refresh_token_is_no_evidence(
    person, client_kind, toolkit
):
    """It looks among the access tokens only, and lets no public client ask."""
    person.connect()
    _, refresh_token = tokens_of(BufferLink.objects.get())
    assert toolkit.is_current(refresh_token)
    said = transport.introspect(Secret(refresh_token), total=5)
    assert said is (
        transport.Introspection.INACTIVE
        if client_kind["CLIENT_SECRET"]
        else transport.Introspection.UNTOLD
    )
