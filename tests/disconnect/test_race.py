"""Disconnects beside refreshes and beside each other, and processes that die in one."""

import signal
from datetime import timedelta

import pytest
from django.db.models import F

from buffer_connect import flows, signals
from buffer_connect.flows import revocation
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation
from tests.connect.test_linking import in_threads
from tests.links import age, held, link_to, make_due, tokens_of
from tests.processes import together
from tests.refresh.steps import wait_for_request

pytestmark = pytest.mark.long

Status = BufferLink.Status
# What tells a statement from the others: the read for D; T2; the event of D; the first after
# the commit of D; the end of a revocation.
READ = "database_now"
INTENT = "sent_count = CASE"
EVENT = "buffer_connect_linkevent"
AFTER_COMMIT = "buffer_connect_servicestate"
DONE = "DELETE FROM"


def killed_before(start, statement, link):
    at = (statement, "before", signal.SIGKILL)
    start("end", [link.pk], signal_at=at).ready().go().wait_until_killed()


def pass_time(**by):
    ago = timedelta(**by)
    LinkEvent.objects.update(created_at=F("created_at") - ago)
    PendingRevocation.objects.update(next_attempt_at=F("next_attempt_at") - ago)


def revoked_tokens(sandbox):
    return {request.form["token"][0] for request in sandbox.requests_to("revocation")}


@pytest.mark.long
def test_the_answer_to_a_refresh_that_is_out_is_revoked_too(sandbox, link, start, gate):
    make_due(link)
    _, old = tokens_of(link)
    sandbox.fail_next("slow", seconds=60)
    sweep = start("sweep").ready().go()
    wait_for_request(sandbox)
    assert disconnect(link) is True
    gate.set()
    sweep.result()
    flows.sweep()
    _, new = (token.value for token in sandbox.grants[0].refresh_tokens)
    assert revoked_tokens(sandbox) == {old, new}
    assert (held(link).status, held(link).refresh_token) == (Status.DISCONNECTED, None)
    assert not PendingRevocation.objects.exists()


def test_a_refresh_that_has_not_begun_is_not_sent(sandbox, link, start):
    make_due(link)
    sweep = start("sweep", signal_at=(INTENT, "before", signal.SIGSTOP)).ready().go()
    sweep.wait_until_stopped()
    assert disconnect(link) is True
    sweep.go_on()
    sweep.result()
    assert sandbox.requests_to("token") == []
    assert held(link).status == Status.DISCONNECTED


def test_of_two_disconnects_the_later_finds_nothing_to_do(sandbox, link, start):
    ending = start("end", [link.pk], signal_at=(READ, "after", signal.SIGSTOP)).ready().go()
    ending.wait_until_stopped()
    assert disconnect(link) is True
    ending.go_on()
    assert ending.result() == [None]
    assert len(sandbox.requests_to("revocation")) == 1
    assert LinkEvent.objects.filter(kind="disconnected").count() == 1


@pytest.mark.long
def test_a_disconnect_meets_the_generation_that_is_there(sandbox, link, start):
    make_due(link)
    ending = start("end", [link.pk], signal_at=(READ, "after", signal.SIGSTOP)).ready().go()
    ending.wait_until_stopped()
    flows.sweep()
    _, new = tokens_of(link)
    ending.go_on()
    assert ending.result() == [True]
    assert revoked_tokens(sandbox) == {new}
    assert held(link).status == Status.DISCONNECTED


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_four_at_once_are_one(sandbox, link):
    results = in_threads(disconnect, [(link,)] * 4)
    assert sorted(results, key=str) == [None, None, None, True]
    assert len(sandbox.requests_to("revocation")) == 1
    assert LinkEvent.objects.filter(kind="disconnected").count() == 1


@pytest.mark.long
def test_sweeps_and_disconnects_of_many_links(sandbox, user, start):
    links = [link_to(sandbox, user, account=f"account-{n}") for n in range(20)]
    for link in links:
        age(link, hours=2)
    leaving = [link.pk for link in links[::2]]
    together([start("sweep"), start("sweep"), start("end", leaving), start("end", leaving[::-1])])
    PendingRevocation.objects.update(next_attempt_at=F("created_at"))
    flows.sweep()
    ended = {grant.account: grant.revoked for grant in sandbox.grants}
    assert ended == {f"account-{n}": n % 2 == 0 for n in range(20)}
    assert set(BufferLink.objects.active().values_list("generation", flat=True)) == {2}
    assert BufferLink.objects.filter(status=Status.DISCONNECTED).count() == 10
    assert not PendingRevocation.objects.exists()


@pytest.mark.long
def test_a_process_that_dies_before_the_commit_has_changed_nothing(sandbox, link, start):
    killed_before(start, EVENT, link)
    assert held(link).is_active
    assert sandbox.is_current(tokens_of(link)[1])
    assert not PendingRevocation.objects.exists()


@pytest.mark.long
def test_what_a_process_owes_that_died_after_it_is_caught_up(sandbox, link, start, heard):
    calls = heard(signals.link_disconnected)
    killed_before(start, AFTER_COMMIT, link)
    assert held(link).status == Status.DISCONNECTED
    flows.clean_up()
    assert sandbox.grants[0].revoked
    assert calls == []
    pass_time(minutes=6)
    flows.clean_up()
    flows.clean_up()
    (call,) = calls
    assert (call["link"], call["request"], call["revoked_at_buffer"]) == (link, None, False)
    assert call["event_id"] == LinkEvent.objects.get().uid


@pytest.mark.long
def test_what_died_between_the_answer_and_its_note_is_sent_again(sandbox, link, start):
    killed_before(start, DONE, link)
    assert sandbox.grants[0].revoked
    pass_time(minutes=2)
    flows.clean_up()
    assert len(sandbox.requests_to("revocation")) == 2
    assert not PendingRevocation.objects.exists()


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_runs_side_by_side_send_each_row_once(sandbox, user):
    for number in range(8):
        link = link_to(sandbox, user, account=f"other-{number}")
        PendingRevocation.objects.post_for(link)
        BufferLink.objects.filter(pk=link.pk)._raw_delete("default")
    sent = in_threads(revocation.send_due, [()] * 4)
    assert sum(sent) == len(sandbox.requests_to("revocation")) == 8
    assert not PendingRevocation.objects.exists()
