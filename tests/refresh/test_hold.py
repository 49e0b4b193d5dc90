"""What a caller gets who wants an access token now."""

from datetime import timedelta

import pytest
from django.utils import timezone

from buffer_connect.client import BufferClient
from buffer_connect.exceptions import KeyUnavailable, LinkRevoked, TokenUnavailable
from buffer_connect.models import BufferLink
from buffer_connect.sealing import generate_entry
from tests.links import age, held, link_to, tokens_of


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


def test_a_lease_of_another_worker_is_waited_for(sandbox, link, settings):
    timing = {"CALL_WAIT": timedelta(seconds=0.3)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    row = age(link, hours=2)
    lease = timezone.now() + timedelta(minutes=1)
    BufferLink.objects.update(lease_owner=row.epoch, lease_until=lease)
    with pytest.raises(TokenUnavailable):
        BufferClient(link).get_access_token()
    assert token_requests(sandbox) == 0


@pytest.mark.django_db(transaction=True)
def test_a_caller_who_gave_up_loses_no_answer(sandbox, user, settings):
    link = link_to(sandbox, user)
    age(link, hours=2)
    timing = {"CALL_WAIT": timedelta(seconds=0.05)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    sandbox.fail_next("slow", seconds=0.4)
    with pytest.raises(TokenUnavailable):
        BufferClient(link).get_access_token()
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": {}}
    assert BufferClient(link).get_access_token() == tokens_of(link)[0]
    assert token_requests(sandbox) == 1
