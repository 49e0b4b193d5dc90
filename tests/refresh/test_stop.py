"""SIGTERM to what refreshes without Celery: what is out is stored, nothing new is begun."""

import signal

import pytest

from buffer_connect.models import BufferLink
from buffer_connect.models.clock import DatabaseNow
from tests.links import age, held, link_to, make_due
from tests.refresh.steps import is_refreshed, requests_to, wait_for_request

pytestmark = pytest.mark.long


@pytest.mark.parametrize(("job", "code"), [("loop", 0), ("cron", -signal.SIGTERM)])
def test_the_command_stores_what_is_out_and_claims_nothing_new(
    sandbox, user, start, settings, gate, job, code
):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": {"IN_FLIGHT": 4}}
    for number in range(40):
        make_due(link_to(sandbox, user, account=f"account-{number}"))
    sandbox.fail_next("slow", 4, seconds=60)
    command = start(job).ready().go()
    wait_for_request(sandbox, times=4)
    command.terminate()
    gate.set()
    command.wait_until_ended(code)
    links = BufferLink.objects.as_held()
    assert requests_to(sandbox) == links.filter(generation=2).count() == 4
    rest = links.filter(generation=1, sent_generation=None)
    assert rest.exclude(lease_until__gt=DatabaseNow()).count() == 36


def test_a_caller_stores_what_is_out(sandbox, user, start, gate):
    link = age(link_to(sandbox, user), hours=2)
    sandbox.fail_next("slow", seconds=60)
    caller = start("call until told", link.pk).ready().go()
    wait_for_request(sandbox)
    caller.terminate()
    gate.set()
    caller.wait_until_ended()
    assert is_refreshed(sandbox, link)
    assert held(link).lease_until is None
