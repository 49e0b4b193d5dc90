"""The sweep end to end: beat, a broker, prefork workers, the database and Buffer."""

import os
import signal
import time
from pathlib import Path

import pytest

from buffer_connect.models import BufferLink, ServiceState
from tests.brokers.site import kill_group
from tests.links import held
from tests.processes import wait_for
from tests.refresh.steps import requests_to, wait_for_request
from tests.refresh.test_race import ended_links, flawless, outcome


def refreshed():
    return BufferLink.objects.active().filter(generation=2).count()


def wait_until_refreshed(links):
    wait_for(lambda: refreshed() == links, f"{links} links are refreshed")


def test_beat_has_what_is_due_refreshed(site, sandbox, user):
    ended_links(sandbox, user, 10)
    site.worker()
    site.beat()
    wait_until_refreshed(10)
    assert outcome(sandbox, []) == flawless(10)
    assert ServiceState.objects.get(name="beat").updated_at is not None


def test_two_beats_and_two_workers_refresh_each_link_once(site, sandbox, user):
    # So slow that the sweeps meet.
    sandbox.fail_next("slow", times=None, seconds=0.2)
    ended_links(sandbox, user, 60)
    for _ in range(2):
        site.worker()
        site.beat()
    wait_until_refreshed(60)
    site.end_beats()
    assert outcome(sandbox, []) == flawless(60)


def test_a_message_that_comes_many_times_is_one_refresh_a_link(site, sandbox, user):
    sandbox.fail_next("slow", times=None, seconds=0.2)
    ended_links(sandbox, user, 20)
    messages = site.send_sweep(8)
    site.wait_until_done(site.worker(children=4), messages)
    assert outcome(sandbox, []) == flawless(20)


def test_lost_messages_cost_a_beat(site, sandbox, user):
    ended_links(sandbox, user, 10)
    site.send_sweep(3)
    wait_for(lambda: site.waiting() == 3, "three messages wait")
    site.purge()
    assert site.waiting() == 0
    site.worker()
    assert refreshed() == 0
    site.beat()
    wait_until_refreshed(10)
    assert outcome(sandbox, []) == flawless(10)


def test_a_redelivered_task_sends_no_token_again(site, sandbox, user):
    pks = ended_links(sandbox, user, 40)
    sandbox.fail_next("slow", 4, seconds=5)
    first = site.worker(children=1)
    (message,) = site.send_sweep()
    wait_for_request(sandbox, times=4)
    kill_group(first)
    # What was out; and what was only claimed.
    in_doubt, claimed = sent().count(), claimed_unsent().count()
    assert in_doubt == 4
    second = site.worker(children=1, gives_back_after=2)
    # Nobody has sent it again.
    site.wait_until_done(second, [message])
    assert refreshed() == 40 - in_doubt - claimed > 0
    assert sent().count() == in_doubt
    assert {token.requests for token in first_tokens(sandbox)} == {0, 1}
    assert len(pks) == BufferLink.objects.active().count()
    assert second.poll() is None


def sent():
    return BufferLink.objects.filter(sent_generation=1)


def claimed_unsent():
    return BufferLink.objects.filter(lease_owner__isnull=False, sent_generation=None)


def first_tokens(sandbox):
    return [grant.refresh_tokens[0] for grant in sandbox.grants]


@pytest.fixture
def stopped_while_sending(site, sandbox, gate):
    """Return a function that stops a worker that has four requests out, of forty that are due.

    It returns the worker's exit code and the seconds that it took.
    """

    def stopped_while_sending(stop):
        sandbox.fail_next("slow", 4, seconds=60)
        worker = site.worker(children=1)
        site.send_sweep()
        wait_for_request(sandbox, times=4)
        began = time.monotonic()
        stop(worker)
        wait_for(lambda: "Warm shutdown" in site.log_of(worker), "the worker has heard it")
        # Its children are told a moment later.
        time.sleep(0.5)
        gate.set()
        return worker.wait(60), time.monotonic() - began

    return stopped_while_sending


def assert_what_was_out_is_stored_and_nothing_else_was_begun(sandbox):
    assert requests_to(sandbox) == refreshed() == 4
    assert not BufferLink.objects.filter(sent_generation__isnull=False).exists()
    rest = BufferLink.objects.filter(generation=1)
    assert all(
        held(link).lease_until <= held(link).database_now for link in rest if link.lease_until
    )


def test_a_warm_shutdown_stores_what_is_out_and_begins_nothing(
    sandbox, user, stopped_while_sending
):
    ended_links(sandbox, user, 40)
    code, seconds = stopped_while_sending(lambda worker: worker.terminate())
    assert (code, seconds < 25) == (0, True)
    assert_what_was_out_is_stored_and_nothing_else_was_begun(sandbox)


def test_so_does_a_signal_to_every_process_of_the_worker(sandbox, user, stopped_while_sending):
    """systemd sends SIGTERM to the worker's children too."""
    ended_links(sandbox, user, 40)
    stopped_while_sending(lambda worker: os.killpg(worker.pid, signal.SIGTERM))
    assert_what_was_out_is_stored_and_nothing_else_was_begun(sandbox)


def test_a_soft_time_limit_amid_a_sweep_loses_no_answer(site, sandbox, user, gate):
    ended_links(sandbox, user, 4)
    sandbox.fail_next("slow", 4, seconds=60)
    worker = site.worker("--soft-time-limit", "5", children=1)
    site.send_sweep()
    wait_for(lambda: "Soft time limit" in site.log_of(worker), "the time is over")
    # The task is told a moment later.
    time.sleep(0.5)
    gate.set()
    wait_for(lambda: "SoftTimeLimitExceeded" in site.log_of(worker), "the limit is over")
    assert outcome(sandbox, []) == flawless(4)


def test_a_signal_to_one_child_stops_that_one_only(site, sandbox, user, gate):
    """Celery sends it when a task has run out of time, or was revoked."""
    ended_links(sandbox, user, 40)
    sandbox.fail_next("slow", 4, seconds=60)
    worker = site.worker(children=1)
    site.send_sweep()
    wait_for_request(sandbox, times=4)
    for child in children_of(worker):
        os.kill(child, signal.SIGTERM)
    gate.set()
    wait_until_refreshed(4)
    # What was written down and not sent any more waits for a moment.
    site.beat()
    wait_until_refreshed(40)
    assert outcome(sandbox, []) == flawless(40)


def children_of(process):
    told = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
    return [int(pid) for pid in told.split()]
