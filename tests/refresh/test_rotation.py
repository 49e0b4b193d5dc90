"""Keys are rotated while links are refreshed, reconnected and ended, and whatever is killed."""

import signal

import pytest

from buffer_connect import flows
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.models import BufferLink, PendingRevocation
from buffer_connect.receivers import keep_for_revocation
from tests.keys import NEW, OLD, hold, kids_of, rotate
from tests.links import held, link_to, make_due, tokens_of
from tests.processes import begin
from tests.refresh.steps import RESEAL, STORE, is_refreshed, requests_to

pytestmark = pytest.mark.long

RESEAL_REVOCATION = "SET token ="


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def both_keys(link, settings):
    """The link is under the old key; the new one seals from now on."""
    hold(settings, NEW, OLD)


def stopped_before(start, statement, job="rotate", *arguments):
    """A process that has read a row, and stands still before it writes."""
    process = start(job, *arguments, signal_at=(statement, "before", signal.SIGSTOP)).ready().go()
    process.wait_until_stopped()
    return process


def gone_on(process):
    process.go_on()
    return process.result()


def test_a_refresh_between_reading_and_writing_wins(sandbox, link, start, both_keys):
    rotation = stopped_before(start, RESEAL, "rotate")
    make_due(link)
    flows.sweep()
    code, told = gone_on(rotation)
    assert (code, "overtaken        1" in told) == (0, True)
    assert is_refreshed(sandbox, link)
    assert kids_of(link) == ("new", "new", "new")


def test_what_it_stored_with_the_old_key_is_sealed_anew(sandbox, link, start, both_keys, settings):
    rotation = stopped_before(start, RESEAL, "rotate")
    hold(settings, OLD, NEW)
    make_due(link)
    flows.sweep()
    assert gone_on(rotation)[0] == 0
    assert is_refreshed(sandbox, link)
    assert kids_of(link) == ("new", "new", "new")


def test_so_does_a_new_connect(sandbox, link, user, start, both_keys):
    rotation = stopped_before(start, RESEAL, "rotate")
    again = tokens_of(link_to(sandbox, user))
    assert gone_on(rotation)[0] == 0
    assert tokens_of(link) == again


def test_so_does_the_end_of_a_link(link, start, both_keys):
    rotation = stopped_before(start, RESEAL, "rotate")
    disconnect(link)
    assert gone_on(rotation)[0] == 0
    assert held(link).refresh_token is held(link).access_token is None


def test_so_does_a_revocation_that_is_sent(link, start, settings):
    keep_for_revocation(link)
    BufferLink.objects.update(status="revoked", refresh_token=None, access_token=None)
    hold(settings, NEW, OLD)
    rotation = stopped_before(start, RESEAL_REVOCATION, "rotate")
    flows.sweep()
    assert gone_on(rotation)[0] == 0
    assert PendingRevocation.objects.count() == 0


@pytest.mark.parametrize("statement", ["SET lease_owner =", "sent_count = CASE", STORE])
def test_a_refresh_around_the_writing_wins_too(sandbox, link, start, both_keys, statement):
    make_due(link)
    worker = stopped_before(start, statement, "sweep")
    assert rotate()[0] == 0
    gone_on(worker)
    assert is_refreshed(sandbox, link)
    assert requests_to(sandbox) == 1


@pytest.mark.parametrize(("moment", "written"), [("before", 0), ("after", 1)])
def test_killed_in_the_middle_it_goes_on_where_it_was(
    sandbox, user, start, settings, moment, written
):
    links = [link_to(sandbox, user, account=f"account-{number}") for number in range(3)]
    before = [tokens_of(link) for link in links]
    hold(settings, NEW, OLD)
    start("rotate", signal_at=(RESEAL, moment, signal.SIGKILL)).ready().go().wait_until_killed()
    assert [kids_of(link)[0] for link in links].count("new") == written
    code, told = rotate()
    assert (code, f"links {3 - written}, " in told) == (0, True)
    assert [tokens_of(link) for link in links] == before


def test_no_link_is_lost_while_hosts_seal_with_either_key(sandbox, user, start, settings):
    links = [link_to(sandbox, user, account=f"account-{number}") for number in range(20)]
    pks = [link.pk for link in links]
    hold(settings, OLD, NEW)
    behind, caller = start("toil", pks), start("call", pks * 5)
    hold(settings, NEW, OLD)
    ahead, rotation = start("toil", pks), start("rotate until found", 3)
    begin([behind, caller, ahead, rotation])
    # Each time there was something to do: others had sealed with the old key since.
    rotation.result()
    assert [fault for _, fault in caller.result() if fault] == []
    for process in (behind, ahead):
        assert process.enough().result() > 0
    assert {held(link).generation > 1 for link in links} == {True}
    assert rotate()[0] == 0
    assert [kids_of(link) for link in links] == [("new", "new", "new")] * 20
    assert all(sandbox.is_current(tokens_of(link)[1]) for link in links)
    assert max(token.requests for grant in sandbox.grants for token in grant.refresh_tokens) == 1
