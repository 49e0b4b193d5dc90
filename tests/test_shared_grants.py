"""Two authorizations on one grant at Buffer: what ends the one ends the other.

They are the links of two users with one Buffer account, or two epochs of one link. What this site
does for the one must not harm the other; where it could not be helped, the other says so.
"""

import signal
import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import connections
from django.utils import timezone

from buffer_connect import flows, transport
from buffer_connect.flows import copies
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.flows.refresh.claim import claim, prepare, record_intent
from buffer_connect.flows.refresh.resend import may_leave
from buffer_connect.flows.refresh.settle import Landed, settle
from buffer_connect.flows.revocation import send_due
from buffer_connect.models import AuthorizationRequest, BufferLink, LinkEvent, PendingRevocation
from buffer_connect.models.link import account_key
from buffer_connect.oauth.token import Outcome, Verdict
from buffer_connect.sandbox import Sandbox
from tests.links import age, held, key_of, link_to, make_due, tokens_of
from tests.people import Person
from tests.processes import starting, wait_for
from tests.refresh.steps import (
    INTENT,
    TOKEN_AND_QUARANTINE,
    TOKEN_AND_SILENCE,
    requests_to,
    wait_for_request,
)
from tests.test_copies import COLUMNS

pytestmark = [pytest.mark.django_db, pytest.mark.long]

Reason = BufferLink.Reason
# The history of a resend is written when nothing is left to look at, and before it leaves.
NOTE = "INSERT INTO buffer_connect_linkevent"


@pytest.fixture
def sandbox(settings, monkeypatch):
    """A Buffer that gives one grant to all authorizations of one browser and account."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    ours = settings.BUFFER_CONNECT
    client = {"client_id": ours["CLIENT_ID"], "client_secret": ours["CLIENT_SECRET"]}
    with Sandbox(shared_grants=True, **client) as buffer:
        settings.BUFFER_CONNECT = {**ours, "ISSUER": buffer.url, "API_URL": buffer.api_url}
        yield buffer


@pytest.fixture
def visitor(sandbox, other_user):
    return Person(sandbox, other_user)


@pytest.fixture
def start(sandbox, database_url):
    with starting(database_url) as start_one:
        yield start_one


def connected(person):
    """Connect the account, for the first time or again; return the link."""
    assert person.connect().status_code == 303
    return BufferLink.objects.latest("connected_at")


def in_doubt(sandbox, link):
    """Let the answer to a refresh be lost, and the time come to send it again."""
    make_due(link)
    sandbox.fail_next("lose_answer")
    flows.sweep()
    assert held(link).in_doubt
    return age(link, **TOKEN_AND_QUARANTINE)


def lives(sandbox, link):
    row = held(link)
    return row.is_active and sandbox.is_current(tokens_of(row)[1])


def grants_of(sandbox, *links):
    return {sandbox.grant_of(tokens_of(link)[1]).id for link in links}


def ending(link):
    row = held(link)
    return row.status, row.reason


def stopped(start, statement, moment):
    at = (statement, moment, signal.SIGSTOP)
    worker = start("sweep", signal_at=at).ready().go()
    worker.wait_until_stopped()
    return worker


def gone_on(worker):
    worker.go_on()
    return worker.result()


def test_the_links_of_two_users_share_a_grant(sandbox, person, visitor):
    assert len(grants_of(sandbox, connected(person), connected(visitor))) == 1


def test_a_reconnect_leaves_the_sibling_alone(sandbox, person, visitor):
    link, sibling = connected(person), connected(visitor)
    connected(person)
    assert lives(sandbox, link)
    assert lives(sandbox, sibling)
    make_due(sibling)
    flows.sweep()
    assert lives(sandbox, sibling)


def test_a_disconnect_leaves_the_sibling_alone(sandbox, person, visitor):
    link, sibling = connected(person), connected(visitor)
    assert disconnect(link) is None
    assert lives(sandbox, sibling)
    assert disconnect(sibling) is True
    assert sandbox.grants[0].revoked


@pytest.mark.long
def test_an_answer_that_comes_after_a_reconnect_harms_nothing(sandbox, person, start, gate):
    link = connected(person)
    make_due(link)
    sandbox.fail_next("slow", seconds=60)
    worker = start("sweep").ready().go()
    wait_for_request(sandbox, times=2)
    connected(person)
    gate.set()
    worker.result()
    flows.clean_up()
    assert lives(sandbox, link)
    assert sandbox.requests_to("revocation") == []


# A resend that is past the sibling check, and somebody connects before it leaves.


@pytest.mark.long
def test_a_resend_does_not_leave_once_its_user_has_reconnected(sandbox, person, start):
    link = in_doubt(sandbox, connected(person))
    sent = requests_to(sandbox)
    worker = stopped(start, INTENT, "after")
    connected(person)
    gone_on(worker)
    assert requests_to(sandbox) == sent + 1
    assert lives(sandbox, link)


@pytest.mark.long
def test_nor_once_another_user_has_connected_the_account(sandbox, person, visitor, start):
    link = in_doubt(sandbox, connected(person))
    worker = stopped(start, INTENT, "after")
    sibling = connected(visitor)
    gone_on(worker)
    assert lives(sandbox, sibling)
    assert held(link).in_doubt
    age(link, **TOKEN_AND_SILENCE)
    flows.sweep()
    assert ending(link) == ("revoked", Reason.ANSWER_LOST)
    assert lives(sandbox, sibling)


def connecting(sandbox, person):
    """Let `person` come back from Buffer, and be at it while Buffer's API waits at the gate."""
    sandbox.fail_next("slow", on="api", seconds=60)

    def come_back(query):
        person.come_back(query)
        connections.close_all()

    thread = threading.Thread(target=come_back, args=[person.decide(person.begin())])
    thread.start()
    wait_for(lambda: sandbox.requests_to("api"), "the API is asked")
    return thread


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_nor_while_its_user_is_reconnecting(sandbox, person, gate):
    link = in_doubt(sandbox, connected(person))
    sandbox.forget_requests()
    thread = connecting(sandbox, person)
    flows.sweep()
    gate.set()
    thread.join()
    assert requests_to(sandbox) == 1
    assert lives(sandbox, link)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("failures", "sent"), [(9, 1), (10, 2)])
def test_what_was_put_off_often_waits_for_users_of_the_account_only(
    sandbox, person, visitor, gate, failures, sent
):
    in_doubt(sandbox, connected(person))
    BufferLink.objects.update(failures=failures)
    sandbox.forget_requests()
    thread = connecting(sandbox, visitor)
    flows.sweep()
    gate.set()
    thread.join()
    assert requests_to(sandbox) == sent


@pytest.mark.parametrize("made", [key_of, partial(link_to, account="account-2")])
def test_who_has_a_key_of_it_or_another_account_is_none_of_them(sandbox, visitor, other_user, made):
    made(sandbox, other_user)
    visitor.begin()
    AuthorizationRequest.objects.update(consumed_at=timezone.now())
    requests = AuthorizationRequest.objects.may_be_for(account_key("account-1"), tries=10)
    assert not requests.exists()


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_what_is_owed_is_not_sent_while_the_user_is_reconnecting(sandbox, person, gate):
    link = connected(person)
    sandbox.fail_next("outage", on="revocation")
    assert disconnect(link) is False
    PendingRevocation.objects.update(next_attempt_at=timezone.now())
    sandbox.forget_requests()
    thread = connecting(sandbox, person)
    send_due()
    gate.set()
    thread.join()
    assert lives(sandbox, link)
    PendingRevocation.objects.update(next_attempt_at=timezone.now())
    send_due()
    assert lives(sandbox, link)
    assert (sandbox.requests_to("revocation"), PendingRevocation.objects.count()) == ([], 0)


# What could not be helped is found out at once, and told as what it was.


@pytest.mark.long
def test_a_resend_that_left_before_the_reconnect_is_not_laid_at_the_users_door(
    sandbox, person, start
):
    link = in_doubt(sandbox, connected(person))
    worker = stopped(start, NOTE, "before")
    connected(person)
    gone_on(worker)
    assert sandbox.grants[0].reuse_detected
    row = held(link)
    assert row.refresh_due_at <= row.database_now
    flows.sweep()
    assert ending(link) == ("revoked", Reason.ANSWER_LOST)


@pytest.mark.long
def test_nor_is_it_at_the_door_of_the_user_who_shares_the_grant(sandbox, person, visitor, start):
    link = in_doubt(sandbox, connected(person))
    worker = stopped(start, NOTE, "before")
    sibling = connected(visitor)
    gone_on(worker)
    assert ending(link) == ("revoked", Reason.ANSWER_LOST)
    row = held(sibling)
    assert row.refresh_due_at <= row.database_now
    flows.sweep()
    assert ending(sibling) == ("revoked", Reason.ANSWER_LOST)


def test_nor_when_the_other_refusal_comes_first(sandbox, person, visitor):
    link = in_doubt(sandbox, connected(person))
    (attempt,) = record_intent(prepare(claim([link.pk])))
    assert may_leave(attempt)
    sibling = connected(visitor)
    late = transport.refresh(attempt.token, write_by=attempt.send_by)
    make_due(sibling)
    flows.sweep()
    assert ending(sibling) == ("revoked", Reason.ANSWER_LOST)
    settle(attempt, Landed.now(late))
    assert ending(link) == ("revoked", Reason.ANSWER_LOST)


def refused_by(sandbox, link):
    """Let Buffer refuse the link's token, and say nothing of why."""
    sandbox.revoke_account("account-1")
    make_due(link)
    flows.sweep()
    return held(link).reason


def test_a_grant_that_was_removed_at_buffer_is_told_as_such(sandbox, person, visitor):
    links = connected(person), connected(visitor)
    assert {refused_by(sandbox, link) for link in links} == {Reason.REVOKED_AT_BUFFER}


def test_after_a_reuse_the_siblings_find_out_at_once(sandbox, person, visitor):
    link, sibling = connected(person), connected(visitor)
    make_due(link)
    sandbox.fail_next("oauth_error", error="invalid_grant", description="token was already used")
    sandbox.revoke_account("account-1")
    assert flows.sweep() == 2
    assert ending(link) == ending(sibling) == ("revoked", Reason.REFRESH_TOKEN_REUSED)


def test_a_reuse_that_is_told_to_an_epoch_before_is_looked_into(sandbox, person):
    link = connected(person)
    make_due(link)
    (attempt,) = record_intent(prepare(claim([link.pk])))
    connected(person)
    description = {"answered": True, "description": "token was already used"}
    refusal = Outcome(verdict=Verdict.REFUSED, error="invalid_grant", **description)
    settle(attempt, Landed.now(refusal))
    row = held(link)
    assert row.is_active
    assert row.refresh_due_at <= row.database_now


def test_a_reuse_is_remembered_when_its_link_was_connected_again(sandbox, person, visitor):
    link, sibling = connected(person), connected(visitor)
    make_due(link)
    sandbox.fail_next("oauth_error", error="invalid_grant", description="token was already used")
    sandbox.fail_next("rate_limit")
    flows.sweep()
    connected(person)
    age(sibling, minutes=20)
    assert refused_by(sandbox, sibling) == Reason.REFRESH_TOKEN_REUSED


def test_a_restored_token_of_one_ends_the_other_and_is_named(sandbox, person, visitor):
    link, sibling = connected(person), connected(visitor)
    before = BufferLink.objects.values(*COLUMNS).get(pk=link.pk)
    make_due(link)
    flows.sweep()
    BufferLink.objects.filter(pk=link.pk).update(**before)
    copies.mark_restored()
    make_due(sibling)
    flows.sweep()
    make_due(link)
    flows.sweep()
    flows.sweep()
    assert sandbox.grants[0].reuse_detected
    assert ending(link) == ending(sibling) == ("revoked", Reason.CLONED_OR_RESTORED)


def long_connected():
    now = timezone.now()
    BufferLink.objects.update(connected_at=now - timedelta(days=4), last_refreshed_at=now)


def remember(link, kind, **facts):
    """Let the account's history have it: `kind` happened to `link` so long ago."""
    event = LinkEvent.objects.record(kind, link=link.pk, reason=facts.pop("reason", ""))
    moment = held(link).database_now - timedelta(**facts)
    LinkEvent.objects.filter(pk=event.pk).update(created_at=moment)


RESENT, ENDED = LinkEvent.Kind.RESENT, LinkEvent.Kind.REVOKED
HISTORY = [
    (RESENT, {"hours": 47}, Reason.ANSWER_LOST),
    (RESENT, {"hours": 49}, Reason.REVOKED_AT_BUFFER),
    (ENDED, {"hours": 47, "reason": Reason.REFRESH_TOKEN_REUSED}, Reason.REFRESH_TOKEN_REUSED),
    (ENDED, {"hours": 49, "reason": Reason.REFRESH_TOKEN_REUSED}, Reason.REVOKED_AT_BUFFER),
    (ENDED, {"hours": 47, "reason": Reason.CLONED_OR_RESTORED}, Reason.CLONED_OR_RESTORED),
    (ENDED, {"hours": 47, "reason": Reason.EXPIRED}, Reason.REVOKED_AT_BUFFER),
]


@pytest.mark.parametrize(("kind", "facts", "reason"), HISTORY)
def test_the_history_of_the_account_is_remembered_for_two_days(
    sandbox, person, visitor, kind, facts, reason
):
    link, sibling = connected(person), connected(visitor)
    long_connected()
    remember(link, kind, **facts)
    assert refused_by(sandbox, sibling) == reason


def test_a_link_remembers_its_own_second_send_as_long(sandbox, person):
    link = connected(person)
    long_connected()
    remember(link, RESENT, hours=47)
    assert refused_by(sandbox, link) == Reason.ANSWER_LOST


@pytest.mark.parametrize(
    ("minutes", "reason"), [(9, Reason.ANSWER_LOST), (11, Reason.REVOKED_AT_BUFFER)]
)
def test_what_was_over_before_the_connect_explains_nothing(
    sandbox, person, visitor, minutes, reason
):
    link = connected(person)
    remember(link, RESENT, minutes=minutes)
    assert refused_by(sandbox, connected(visitor)) == reason


def test_nor_does_what_ended_the_epoch_before(sandbox, person):
    link = connected(person)
    remember(link, ENDED, reason=Reason.REFRESH_TOKEN_REUSED)
    assert refused_by(sandbox, connected(person)) == Reason.REVOKED_AT_BUFFER


def test_another_account_explains_nothing(sandbox, person, visitor):
    link = connected(person)
    remember(link, RESENT, hours=1)
    visitor.connect(account="account-2")
    long_connected()
    other = BufferLink.objects.latest("pk")
    sandbox.revoke_account("account-2")
    make_due(other)
    flows.sweep()
    assert held(other).reason == Reason.REVOKED_AT_BUFFER


def test_of_two_in_doubt_at_once_one_is_saved(sandbox, person, visitor):
    links = connected(person), connected(visitor)
    sandbox.fail_next("outage", times=2)
    for link in links:
        make_due(link)
    flows.sweep()
    for link in links:
        age(link, **TOKEN_AND_SILENCE)
    flows.sweep()
    assert sorted(lives(sandbox, link) for link in links) == [False, True]


@pytest.mark.parametrize(
    ("tries", "whose", "sent"),
    [(1, "other_user", 0), (9, "other_user", 0), (10, "other_user", 1), (10, "user", 0)],
)
def test_strangers_who_connect_do_not_hold_it_up_for_ever(
    sandbox, person, request, tries, whose, sent
):
    link = connected(person)
    sandbox.fail_next("outage", on="revocation")
    disconnect(link)
    AuthorizationRequest.objects.update(outcome="", user=request.getfixturevalue(whose))
    PendingRevocation.objects.update(next_attempt_at=timezone.now(), attempts=tries)
    assert send_due() == sent


def test_a_connect_that_came_to_nothing_holds_nothing_up_for_long(sandbox, person):
    link = connected(person)
    sandbox.fail_next("outage", on="revocation")
    disconnect(link)
    AuthorizationRequest.objects.update(outcome="")
    PendingRevocation.objects.update(next_attempt_at=timezone.now())
    assert send_due() == 0
    AuthorizationRequest.objects.update(consumed_at=timezone.now() - timedelta(seconds=61))
    PendingRevocation.objects.update(next_attempt_at=timezone.now())
    assert send_due() == 1
