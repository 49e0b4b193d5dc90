"""`@buffer_link_task`: Celery tasks that call Buffer as one of the site's users."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from celery.signals import task_retry
from django.db import connections
from django.utils import timezone
from kombu.utils import json

from buffer_connect.client import BufferClient
from buffer_connect.conf import conf
from buffer_connect.decorators import buffer_link_task
from buffer_connect.exceptions import (
    BufferUnavailable,
    LinkRevoked,
    MissingScope,
    NotLinked,
    RateLimited,
    TokenUnavailable,
)
from buffer_connect.models import BufferLink
from tests.links import age, held, link_to
from tests.refresh.steps import requests_to

pytestmark = pytest.mark.django_db

SCOPES = ["account:read", "posts:read", "posts:write", "offline_access"]
QUERY = "query { account { id } }"
DATA = {"account": {"id": "account-1"}}
POST = {"channelId": "channel-1", "schedulingType": "automatic", "mode": "addToQueue"}
MUTATION = "mutation ($post: CreatePostInput!) { createPost(input: $post) { __typename } }"


@buffer_link_task("posts:read")
def read(client):
    return client.execute(QUERY)


@buffer_link_task("posts:write")
def publish(client, text):
    return client.execute(MUTATION, {"post": {**POST, "text": text}})


@buffer_link_task("posts:write")
def publish_and_read(client, text):
    client.execute(MUTATION, {"post": {**POST, "text": text}})
    return client.execute(QUERY)


@buffer_link_task()
def speak_for_nobody(client):
    raise NotLinked(client.link.user)


@pytest.fixture
def link(sandbox, user):
    link = link_to(sandbox, user)
    BufferLink.objects.filter(pk=link.pk).update(granted_scopes=SCOPES)
    return link


@pytest.fixture
def retries(heard):
    """The retries that Celery was asked for."""
    return heard(task_retry)


def run(task, link, *arguments):
    """Return the outcome of a task whose message has gone through Celery's JSON."""
    return task.apply(args=json.loads(json.dumps([link.uid, *arguments])))


def calls(sandbox):
    return len(sandbox.requests_to("api"))


def test_a_task_is_queued_with_a_uid_and_runs_with_a_client(link):
    assert run(read, link).result == DATA


def test_a_task_may_be_called_as_a_function(link):
    assert read(str(link.uid)) == DATA


def test_its_other_arguments_are_its_own(sandbox, link):
    assert run(publish, link, "Hello").successful()
    assert b"Hello" in sandbox.requests_to("api")[0].body


@pytest.mark.parametrize(
    ("status", "reason", "told"),
    [("revoked", "expired", "expired"), ("disconnected", "", "disconnected")],
)
def test_a_link_that_ended_in_the_queue_ends_the_task(sandbox, link, retries, status, reason, told):
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.update(status=status, reason=reason, **nothing)
    outcome = run(publish, link, "Hello")
    assert (outcome.state, type(outcome.result)) == ("FAILURE", LinkRevoked)
    assert outcome.result.reason == told
    assert (retries, calls(sandbox)) == ([], 0)


def test_a_link_that_was_deleted_ends_the_task(db):
    outcome = run(publish, BufferLink(uid=uuid4()), "Hello")
    assert (type(outcome.result), outcome.result.reason) == (LinkRevoked, "disconnected")


def test_a_link_that_ends_in_the_task_ends_it(sandbox, link, retries):
    sandbox.revoke_account("account-1")
    outcome = run(publish, link, "Hello")
    assert (type(outcome.result), retries) == (LinkRevoked, [])
    assert held(link).reason == outcome.result.reason == "revoked_at_buffer"


def test_scopes_are_looked_at_when_the_task_runs(sandbox, link, retries):
    BufferLink.objects.update(granted_scopes=["posts:read"])
    outcome = run(publish, link, "Hello")
    assert (type(outcome.result), outcome.result.scopes) == (MissingScope, ("posts:write",))
    assert (retries, calls(sandbox)) == ([], 0)


def test_what_the_user_has_to_cure_is_not_retried_and_no_accident(link, retries):
    assert type(run(speak_for_nobody, link).result) is NotLinked
    assert retries == []
    assert speak_for_nobody.throws == (NotLinked, LinkRevoked, MissingScope)


def test_a_task_that_is_rate_limited_comes_back_when_buffer_says(sandbox, link, retries):
    sandbox.fail_next("rate_limit", on="api", retry_after="17")
    assert run(read, link).result == DATA
    assert [each["reason"].when for each in retries] == [17]


def test_a_task_without_a_token_comes_back_when_there_may_be_one(sandbox, link, retries):
    age(link, hours=2)
    sandbox.fail_next("rate_limit", retry_after="300")
    outcome = run(read, link)
    assert type(outcome.result) is TokenUnavailable
    assert {each["reason"].when for each in retries} == {held(link).next_attempt_at}
    assert (len(retries), held(link).is_active) == (3, True)


def test_a_query_whose_answer_was_lost_is_sent_again(sandbox, link, retries):
    sandbox.fail_next("lose_answer", on="api")
    assert run(read, link).result == DATA
    assert [each["reason"].when for each in retries] == [60]


def test_a_mutation_whose_answer_was_lost_is_never_sent_again(sandbox, link, retries):
    sandbox.fail_next("lose_answer", on="api")
    outcome = run(publish, link, "Hello")
    assert (outcome.state, type(outcome.result)) == ("FAILURE", BufferUnavailable)
    assert (retries, calls(sandbox)) == ([], 1)


def test_a_mutation_that_was_refused_is_sent_again(sandbox, link, retries):
    sandbox.fail_next("rate_limit", on="api", retry_after="17")
    assert run(publish, link, "Hello").successful()
    assert (len(retries), calls(sandbox)) == (1, 2)


def test_a_task_that_has_posted_is_not_run_again_whatever_comes_then(sandbox, link, retries):
    sandbox.fail_next("rate_limit", on="api", after=1)
    assert type(run(publish_and_read, link, "Hello").result) is RateLimited
    assert (retries, calls(sandbox)) == ([], 2)


def test_a_task_that_is_to_wait_for_long_fails_at_once(sandbox, link, retries):
    sandbox.fail_next("rate_limit", on="api", retry_after="86400", window="24h")
    outcome = run(publish, link, "Hello")
    assert (type(outcome.result), outcome.result.retry_after) == (RateLimited, 86400)
    assert retries == []


def test_so_does_a_task_whose_token_is_away_for_long(sandbox, link, retries):
    now = timezone.now()
    sent = {"sent_generation": 1, "sent_at": now, "sent_count": 1, "rejected_generation": 1}
    BufferLink.objects.update(**sent)
    outcome = run(publish, link, "Hello")
    assert (type(outcome.result), outcome.result.retry_at) == (
        TokenUnavailable,
        held(link).expires_at,
    )
    assert (retries, calls(sandbox)) == ([], 0)


def test_a_task_comes_back_when_the_quarantine_is_over(sandbox, link, retries):
    age(link, hours=2)
    sandbox.fail_next("lose_answer")
    assert type(run(read, link).result) is TokenUnavailable
    over = held(link).sent_at + timedelta(seconds=conf.timing.quarantine)
    assert {each["reason"].when for each in retries} == {over}


@pytest.mark.long
def test_retries_have_an_end(sandbox, link, retries):
    sandbox.fail_next("rate_limit", None, on="api")
    assert type(run(read, link).result) is RateLimited
    assert calls(sandbox) == 4


def test_a_dying_worker_lets_no_task_run_twice():
    assert not publish.acks_late


def test_options_are_those_of_celery():
    @buffer_link_task(name="site.named", max_retries=9, acks_late=True)
    def named(client):
        """Says what it does."""

    assert (named.name, named.max_retries, named.acks_late) == ("site.named", 9, True)
    assert (publish.name, named.__doc__) == (f"{__name__}.publish", "Says what it does.")


def test_forgotten_parentheses_are_named():
    with pytest.raises(TypeError, match="takes scopes"):
        buffer_link_task(lambda client: None)


def test_a_client_for_a_link_needs_no_user(link):
    assert BufferClient.for_link(link.uid, scopes=["posts:write"]).link == link


@pytest.mark.django_db(transaction=True)
def test_fifty_tasks_that_get_a_401_at_once_cost_one_refresh(sandbox, link):
    def task(_):
        outcome = run(read, link)
        connections.close_all()
        return outcome.result

    # The server alone holds the token for expired: every task is refused.
    sandbox.advance(2 * 3600)
    sandbox.fail_next("slow", 50, on="api", seconds=0.3)
    with ThreadPoolExecutor(50) as threads:
        results = [*threads.map(task, range(50))]
    assert results == [DATA] * 50
    assert (requests_to(sandbox), held(link).generation) == (1, 2)
    assert 50 < calls(sandbox) <= 100
