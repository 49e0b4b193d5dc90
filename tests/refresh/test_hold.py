"""What a caller gets who wants an access token now."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import get_ident
from time import sleep
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils import timezone

from buffer_connect import flows, signals
from buffer_connect.client import BufferClient
from buffer_connect.conf import conf
from buffer_connect.exceptions import KeyUnavailable, LinkRevoked, TokenUnavailable
from buffer_connect.flows import steps
from buffer_connect.models import BufferLink
from buffer_connect.sealing import generate_entry
from tests.links import age, held, link_to, make_due, tokens_of
from tests.processes import wait_for
from tests.refresh.steps import wait_for_request


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


def token_requests(sandbox):
    return len(sandbox.requests_to("token"))


def test_a_live_token_costs_one_query(link, django_assert_num_queries):
    BufferLink.objects.update(last_used_at=timezone.now())
    with django_assert_num_queries(1):
        BufferClient(link).get_access_token()


def test_a_token_that_has_ended_is_refreshed(sandbox, link):
    age(link, hours=2)
    token = BufferClient(link).get_access_token()
    assert sandbox.accepts(token)
    assert held(link).generation == 2


def test_a_longer_life_is_fetched_when_asked_for(sandbox, link):
    age(link, minutes=30)
    BufferClient(link).get_access_token(min_ttl=timedelta(minutes=45))
    assert held(link).generation == 2


def test_a_new_token_is_not_refreshed_for_a_longer_life(sandbox, link):
    BufferClient(link).get_access_token(min_ttl=timedelta(hours=3))
    assert token_requests(sandbox) == 0


def test_a_caller_does_not_wait_out_a_backoff(sandbox, link):
    age(link, hours=2)
    sandbox.fail_next("rate_limit", retry_after="300")
    with pytest.raises(TokenUnavailable) as raised:
        BufferClient(link).get_access_token()
    assert raised.value.retry_at == held(link).next_attempt_at
    assert held(link).is_active


def in_doubt(link, **columns):
    """Let an answer be lost, a moment ago."""
    now = timezone.now()
    sent = {"sent_generation": 1, "sent_at": now, "sent_count": 1, "next_attempt_at": now}
    BufferLink.objects.filter(pk=link.pk).update(**sent | columns)
    return held(link)


def retry_at(link):
    """When a caller who gets no token is to come again."""
    with pytest.raises(TokenUnavailable) as raised:
        BufferClient(link).get_access_token()
    return raised.value.retry_at


QUARANTINE = timedelta(seconds=conf.timing.quarantine)


def test_a_caller_is_told_to_wait_for_the_end_of_the_quarantine(sandbox, link):
    age(link, hours=2)
    sandbox.fail_next("lose_answer")
    told = retry_at(link)
    assert told == held(link).sent_at + QUARANTINE > held(link).next_attempt_at


def test_and_for_the_end_of_an_access_token_that_the_api_refuses(link):
    row = in_doubt(link, rejected_generation=1)
    assert retry_at(link) == row.expires_at > row.sent_at + QUARANTINE


def test_but_for_no_quarantine_of_a_request_that_has_ended(link):
    age(link, hours=2)
    later = timezone.now() + timedelta(minutes=1)
    in_doubt(link, sent_ended_at=timezone.now(), next_attempt_at=later)
    assert retry_at(link) == later


@pytest.mark.parametrize("minutes", [-1, 1])
def test_nobody_knows_how_long_a_link_is_held_back(link, minutes):
    age(link, hours=2)
    paused = timezone.now() + timedelta(minutes=minutes)
    BufferLink.objects.update(refused_generation=1, next_attempt_at=paused)
    assert retry_at(link) is None


def test_a_site_is_told_when_a_link_in_doubt_is_tried_again(sandbox, link, heard):
    calls = heard(signals.link_refresh_failed)
    make_due(link)
    sandbox.fail_next("lose_answer")
    flows.sweep()
    assert [call["retry_at"] for call in calls] == [held(link).expires_at]


def test_a_link_in_doubt_whose_token_lives_is_used(sandbox, link):
    BufferLink.objects.update(sent_generation=1, sent_at=timezone.now(), sent_count=1)
    assert BufferClient(link).get_access_token() == tokens_of(link)[0]
    assert token_requests(sandbox) == 0


def test_a_refused_link_says_why(sandbox, link):
    age(link, hours=2)
    sandbox.revoke_account("account-1")
    with pytest.raises(LinkRevoked) as raised:
        BufferClient(link).get_access_token()
    assert raised.value.reason == BufferLink.Reason.REVOKED_AT_BUFFER


def test_a_link_that_was_deleted_has_ended(link):
    BufferLink.objects.all().delete()
    with pytest.raises(LinkRevoked):
        BufferClient(link).get_access_token()


def test_a_link_without_a_refresh_token_serves_to_its_last_second(sandbox, user):
    link = link_to(sandbox, user, refreshable=False)
    age(link, minutes=59, seconds=55)
    assert BufferClient(link).get_access_token() == tokens_of(link)[0]


def test_a_link_without_a_refresh_token_lapses(sandbox, user):
    link = link_to(sandbox, user, refreshable=False)
    age(link, hours=1)
    with pytest.raises(LinkRevoked) as raised:
        BufferClient(link).get_access_token()
    assert raised.value.reason == BufferLink.Reason.EXPIRED


def test_a_missing_key_sends_nothing_and_heals(sandbox, link, settings):
    age(link, hours=2)
    with_key = settings.BUFFER_CONNECT
    settings.BUFFER_CONNECT = {**with_key, "ENCRYPTION_KEYS": [generate_entry("other")]}
    with pytest.raises(KeyUnavailable):
        BufferClient(link).get_access_token()
    assert (token_requests(sandbox), held(link).last_error) == (0, "KeyUnavailable")
    settings.BUFFER_CONNECT = with_key
    age(link, minutes=5)
    assert sandbox.accepts(BufferClient(link).get_access_token())


@pytest.mark.long
def test_a_lease_of_another_worker_is_waited_for(sandbox, link, settings):
    timing = {"CALL_WAIT": timedelta(seconds=0.3)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    row = age(link, hours=2)
    lease = timezone.now() + timedelta(minutes=1)
    past = timezone.now() - timedelta(minutes=1)
    BufferLink.objects.update(lease_owner=row.epoch, lease_until=lease, next_attempt_at=past)
    assert retry_at(link) is None
    assert token_requests(sandbox) == 0


@pytest.fixture
def pausing(monkeypatch):
    """The threads whose callers have found out that they have to wait."""
    threads = set()

    def pause(seconds):
        threads.add(get_ident())
        sleep(seconds)

    monkeypatch.setattr(steps, "sleep", pause)
    return threads


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_whoever_waits_for_another_process_takes_no_thread_from_a_free_link(
    sandbox, user, settings, pausing
):
    timing = {"CALL_WAIT": timedelta(seconds=60)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    leased = [age(link_to(sandbox, user, account=f"account-{n}"), hours=2) for n in range(20)]
    lease = {"lease_owner": uuid4(), "lease_until": timezone.now() + timedelta(minutes=1)}
    BufferLink.objects.update(**lease)
    free = age(link_to(sandbox, user, account="free"), hours=2)

    def call(link):
        try:
            return BufferClient(link).get_access_token()
        finally:
            connection.close()

    with ThreadPoolExecutor(21) as threads:
        waiting = [threads.submit(call, link) for link in leased]
        wait_for(lambda: len(pausing) == 20, "all of them wait")
        assert threads.submit(call, free).result()
        assert not any(each.done() for each in waiting)
        BufferLink.objects.update(lease_until=timezone.now())
        assert all(each.result() for each in waiting)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_a_caller_who_gave_up_loses_no_answer(sandbox, user, gate, monkeypatch):
    link = link_to(sandbox, user)
    age(link, hours=2)
    sandbox.fail_next("slow", seconds=60)
    with monkeypatch.context() as impatient:
        impatient.setattr(steps, "wait", lambda *arguments: wait_for_request(sandbox))
        with pytest.raises(TokenUnavailable):
            BufferClient(link).get_access_token()
    gate.set()
    assert BufferClient(link).get_access_token() == tokens_of(link)[0]
    assert token_requests(sandbox) == 1


@pytest.fixture
def tenant(link, transactional_db):
    """The caller's connection sees a schema of its own, with another link under the same id."""
    begin = [
        "CREATE SCHEMA tenant",
        "CREATE TABLE tenant.buffer_connect_bufferlink AS TABLE buffer_connect_bufferlink",
        "UPDATE tenant.buffer_connect_bufferlink SET uid = gen_random_uuid()",
        "SET search_path TO tenant, public",
    ]
    with connection.cursor() as cursor:
        for statement in begin:
            cursor.execute(statement)
        yield
        cursor.execute("SET search_path TO DEFAULT")
        cursor.execute("DROP SCHEMA tenant CASCADE")


@pytest.mark.postgres
def test_what_is_anothers_is_handed_to_nobody(link, tenant):
    mine = BufferLink.objects.get()
    assert mine.uid != link.uid
    age(mine, hours=2)
    with pytest.raises(ImproperlyConfigured, match="for each tenant is not supported"):
        BufferClient(mine).get_access_token()


def test_a_database_without_autocommit_is_named(link, monkeypatch):
    age(link, hours=2)
    monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", False)
    with pytest.raises(ImproperlyConfigured, match="AUTOCOMMIT = True"):
        BufferClient(link).get_access_token()
