"""Tasks of the site that call Buffer: what they no longer wait for is stored when their child ends."""

import os
import signal

import pytest

from buffer_connect.models import BufferLink
from tests.links import held
from tests.processes import wait_for
from tests.refresh.steps import requests_to, wait_for_request
from tests.refresh.test_race import ended_links

# Longer than the task waits, and than Celery takes to end a child.
SECONDS = 6
# Their children end after each task.
RECYCLED = ["--max-tasks-per-child", "1"]
ENDS = {
    "a warm shutdown": ([], lambda worker: worker.terminate()),
    "a signal to every process": ([], lambda worker: os.killpg(worker.pid, signal.SIGTERM)),
    "a child that is replaced": (RECYCLED, lambda worker: None),
}


@pytest.mark.parametrize(("options", "end"), ENDS.values(), ids=ENDS)
def test_what_a_task_no_longer_waits_for_is_stored(site, sandbox, user, options, end):
    ended_links(sandbox, user, 1)
    link = BufferLink.objects.get()
    sandbox.fail_next("slow", seconds=SECONDS)
    worker = site.worker(*options, children=1)
    site.send_call(link)
    wait_for_request(sandbox)
    wait_for(lambda: "raised unexpected: TokenUnavailable" in site.log_of(worker), "it gives up")
    end(worker)
    wait_for(lambda: held(link).generation == 2, "the answer is stored")
    assert requests_to(sandbox) == 1
