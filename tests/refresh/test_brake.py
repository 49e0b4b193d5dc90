"""Many refusals at once end few links, and none while the brake is on."""

import uuid
from datetime import timedelta
from time import monotonic

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection
from django.db.models import F
from django.utils import timezone

from buffer_connect import flows, signals
from buffer_connect.client import BufferClient
from buffer_connect.conf import conf
from buffer_connect.exceptions import LinkRevoked, TokenUnavailable
from buffer_connect.flows.refresh import endings, held_back
from buffer_connect.flows.refresh.claim import claim, prepare, record_intent
from buffer_connect.flows.refresh.halt import Halt, halts
from buffer_connect.flows.refresh.pipeline import AHEAD
from buffer_connect.flows.refresh.settle import Landed, settle
from buffer_connect.models import BufferLink, LinkEvent, ServiceState, statements
from buffer_connect.models.link import account_key
from buffer_connect.oauth.token import Outcome, Verdict
from tests.links import age, held, key_of, link_to, make_due, tokens_of
from tests.refresh.steps import HOLD_BACK, REFUSE, STORE, just_before

REFUSED = Outcome(verdict=Verdict.REFUSED, error="invalid_grant", answered=True)
# One more refusal puts the brake on, where few links are active.
MOST = 19


@pytest.fixture
def make(sandbox, user):
    """Return a function that makes so many due links, each on an account of its own."""
    made = []

    def make_some(number, **kinds):
        accounts = range(len(made), len(made) + number)
        links = [link_to(sandbox, user, account=f"account-{n}", **kinds) for n in accounts]
        made.extend(links)
        for link in links:
            make_due(link)
        return links

    return make_some


@pytest.fixture
def refusing(sandbox):
    """A Buffer that takes every refresh token for a wrong one, and uses none up."""
    sandbox.fail_next("oauth_error", times=None, error="invalid_grant")
    return sandbox


def out(links):
    """Let the refresh tokens of `links` be out, and return the attempts whose answers are due."""
    return record_intent(prepare(claim([link.pk for link in links])))


def refuse(attempts):
    for attempt in attempts:
        settle(attempt, Landed.now(REFUSED))


def is_on():
    return Halt.BRAKE in halts()


def ended():
    return BufferLink.objects.revoked().count()


def kept():
    return BufferLink.objects.held_back().count()


def others(number, kind="oauth"):
    """Make active links with which nothing happens."""
    user = get_user_model().objects.create_user("others")
    later = timezone.now() + timedelta(days=1) if kind == "oauth" else None
    link = {"user": user, "kind": kind, "status": "active"}
    link |= {"expires_at": later, "refresh_due_at": later}
    keys = (account_key(f"other-{n}") for n in range(number))
    BufferLink.objects.bulk_create(BufferLink(account_key=key, **link) for key in keys)


@pytest.mark.long
def test_few_refusals_end_their_links(make):
    refuse(out(make(MOST)))
    assert (ended(), is_on()) == (MOST, False)


@pytest.mark.long
def test_one_more_puts_the_brake_on_and_is_held_back(make):
    refuse(out(make(MOST + 1)))
    assert (ended(), kept(), is_on()) == (MOST, 1, True)


@pytest.mark.long
@pytest.mark.parametrize(("active", "expected"), [(400, (20, 0)), (399, (19, 1))])
def test_a_twentieth_of_the_active_links_may_end(make, active, expected):
    links = make(MOST + 1)
    others(active - 1)
    refuse(out(links))
    assert (ended(), kept()) == expected


@pytest.mark.long
def test_api_keys_do_not_keep_the_brake_off(make):
    links = make(MOST + 1)
    others(1000, kind="api_key")
    refuse(out(links))
    assert (ended(), kept()) == (MOST, 1)


@pytest.mark.long
def test_all_that_is_refused_while_the_brake_is_on_is_held_back(make):
    refuse(out(make(MOST + 10)))
    assert (ended(), kept()) == (MOST, 10)
    row = BufferLink.objects.held_back().first()
    assert row.refused_reason == BufferLink.Reason.REVOKED_AT_BUFFER
    assert (row.sent_generation, row.sent_count) == (None, 0)


@pytest.mark.long
def test_what_is_held_back_keeps_the_first_reason(make):
    *links, last = make(MOST + 1)
    refuse(out(links))
    attempts = out([last])
    refuse(attempts)
    refuse(attempts)
    assert held(last).refused_reason == BufferLink.Reason.REVOKED_AT_BUFFER


@pytest.mark.long
def test_one_link_that_is_refused_again_and_again_puts_no_brake_on(make, sandbox, user):
    (link,) = make(1)
    for _ in range(MOST + 3):
        refuse(out([link]))
        make_due(link_to(sandbox, user, account="account-0"))
    assert LinkEvent.objects.filter(refused=True).count() == MOST + 3
    assert not is_on()


@pytest.mark.long
def test_refusals_of_ten_minutes_ago_do_not_count(make):
    refuse(out(make(MOST)))
    LinkEvent.objects.update(created_at=F("created_at") - timedelta(minutes=10))
    refuse(out(make(MOST)))
    assert (ended(), is_on()) == (2 * MOST, False)


@pytest.mark.long
def test_ends_that_are_no_refusals_do_not_count(make):
    for link in make(MOST, refreshable=False):
        age(link, hours=2)
    endings.lapse_all()
    refuse(out(make(MOST)))
    assert (ended(), is_on()) == (2 * MOST, False)


@pytest.mark.long
def test_nor_do_api_keys_that_are_refused(sandbox, user, make):
    for n in range(MOST):
        key = key_of(sandbox, user, account=f"account-{n}")
        with pytest.raises(LinkRevoked):
            BufferClient(key).report_unauthorized(tokens_of(key)[0])
    refuse(out(make(MOST)))
    assert (ended(), is_on()) == (2 * MOST, False)


@pytest.mark.long
def test_a_refusal_of_what_has_moved_on_puts_no_brake_on(make):
    *links, last = make(MOST + 1)
    attempts = out([last])
    refuse(out(links))
    BufferLink.objects.filter(pk=last.pk).update(generation=2)
    refuse(attempts)
    assert not is_on()


MOVED_ON = [
    {"generation": 2},
    {"epoch": uuid.uuid4()},
    {"status": "disconnected", "refresh_token": None, "access_token": None},
]


@pytest.mark.long
@pytest.mark.parametrize("columns", MOVED_ON, ids=lambda columns: next(iter(columns)))
def test_what_moves_on_meanwhile_is_not_held_back(make, columns):
    *links, last = make(MOST + 1)
    refuse(out(links))
    attempts = out([last])
    with just_before(HOLD_BACK, last, **columns):
        refuse(attempts)
    assert (held(last).refused_generation, is_on()) == (None, False)


@pytest.mark.long
@pytest.mark.parametrize("columns", MOVED_ON, ids=lambda columns: next(iter(columns)))
def test_what_moves_on_meanwhile_is_not_ended_with_the_others(braked, columns):
    with just_before(REFUSE, braked[0], **columns):
        assert held_back.resume() == 2
    assert held(braked[0]).status != "revoked"


def test_the_brake_says_what_to_do(make, caplog):
    refuse(out(make(MOST + 3)))
    (record,) = [record for record in caplog.records if "brake=on" in record.message]
    assert (record.levelname, record.name) == ("ERROR", "buffer_connect.flows.refresh.brake")
    assert "buffer_status --retry or --resume" in record.message


@pytest.fixture
def braked(make, refusing):
    """Five due links, three of them refused: the brake is on since a moment ago."""
    links = make(5)
    attempts = out(links[:3])
    ServiceState.objects.create(name="brake", opened_at=timezone.now())
    refuse(attempts)
    assert (ended(), kept()) == (0, 3)
    return links


@pytest.mark.long
def test_a_sweep_sends_no_more_than_was_out(sandbox, make, refusing, settings):
    timing = {**settings.BUFFER_CONNECT["TIMING"], "IN_FLIGHT": 1}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    make(40)
    flows.sweep()
    sent = len(sandbox.requests_to("token"))
    # The next may be on its way when an answer is stored.
    assert MOST < sent <= MOST + AHEAD
    assert kept() == sent - MOST
    assert not BufferLink.objects.active().filter(lease_until__gt=timezone.now()).exists()


def test_nothing_is_claimed_while_the_brake_is_on(sandbox, braked):
    before = len(sandbox.requests_to("token"))
    assert flows.sweep() == 0
    assert len(sandbox.requests_to("token")) == before


@pytest.mark.long
def test_a_sweep_that_meets_the_brake_ends(sandbox, make, settings):
    timing = {**settings.BUFFER_CONNECT["TIMING"], "IN_FLIGHT": 1}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    make(40)

    def put_on(execute, sql, params, many, context):
        if STORE in sql:
            ServiceState.objects.put("brake", opened_at=timezone.now())
        return execute(sql, params, many, context)

    began = monotonic()
    with connection.execute_wrapper(put_on):
        claimed = flows.sweep()
    # What it had claimed is sent: none of that was refused.
    assert claimed == 32
    assert monotonic() - began < 20


@pytest.mark.long
def test_callers_are_told_at_once_to_wait(sandbox, braked):
    link = braked[-1]
    age(link, hours=2)
    before, began = len(sandbox.requests_to("token")), monotonic()
    with pytest.raises(TokenUnavailable):
        BufferClient(link).get_access_token()
    assert len(sandbox.requests_to("token")) == before
    assert monotonic() - began < conf.timing.call_wait


@pytest.mark.long
def test_an_access_token_that_lives_serves_on(braked):
    assert BufferClient(braked[0]).get_access_token()


@pytest.mark.long
def test_resume_ends_what_was_held_back_and_tells_of_each(braked, heard):
    calls = heard(signals.link_revoked)
    assert held_back.resume() == 3
    assert (ended(), kept(), is_on()) == (3, 0, False)
    assert [each["reason"] for each in calls] == ["revoked_at_buffer"] * 3
    assert LinkEvent.objects.filter(kind="revoked").count() == 3
    assert not LinkEvent.objects.unannounced().exists()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_while_it_tells_has_ended_them_all(braked):
    def go_away(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and "announced_at" in sql:
            raise OperationalError
        return execute(sql, params, many, context)

    with connection.execute_wrapper(go_away):
        assert held_back.resume() == 3
    assert (ended(), kept(), is_on()) == (3, 0, False)
    LinkEvent.objects.update(created_at=F("created_at") - timedelta(minutes=6))
    flows.clean_up()
    assert not LinkEvent.objects.unannounced().exists()


@pytest.mark.long
def test_resume_lets_links_be_claimed_again(sandbox, braked):
    held_back.resume()
    sandbox.clear_faults()
    flows.sweep()
    assert BufferLink.objects.active().filter(generation=2).count() == 2


@pytest.mark.long
def test_retry_refreshes_what_was_held_back(sandbox, braked):
    sandbox.clear_faults()
    assert held_back.retry() == 3
    flows.sweep()
    assert BufferLink.objects.active().filter(generation=2).count() == 5
    assert not is_on()


@pytest.mark.long
def test_a_link_that_waited_for_its_next_attempt_is_retried_at_once(sandbox, braked):
    sandbox.clear_faults()
    later = timezone.now() + timedelta(minutes=5)
    BufferLink.objects.held_back().update(refresh_due_at=later, next_attempt_at=later)
    held_back.retry()
    flows.sweep()
    assert BufferLink.objects.active().filter(generation=2).count() == 5


@pytest.mark.long
@pytest.mark.parametrize("way_out", [held_back.retry, held_back.resume])
def test_the_same_refusals_do_not_put_the_brake_on_again(make, way_out):
    refuse(out(make(MOST + 3)))
    way_out()
    refuse(out(make(1)))
    assert not is_on()


@pytest.mark.long
@pytest.mark.parametrize("way_out", [held_back.retry, held_back.resume])
def test_refusals_that_go_on_do(braked, make, way_out):
    way_out()
    before = ended()
    make(MOST + 1)
    flows.sweep()
    assert (ended() - before, is_on()) == (MOST, True)


@pytest.fixture
def copied(braked, settings):
    """The database is a copy, and one of the links has been connected here since."""
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "INSTANCE": "here"}
    BufferLink.objects.update(instance="there")
    BufferLink.objects.filter(pk=braked[0].pk).update(instance="here")


@pytest.mark.long
@pytest.mark.parametrize(("way_out", "left"), [(held_back.retry, 0), (held_back.resume, 1)])
def test_a_copy_decides_about_its_own_links_only(braked, copied, way_out, left):
    assert way_out() == 1
    assert [held(link).is_held_back for link in braked[:3]] == [False, True, True]
    assert ended() == left


@pytest.mark.long
def test_a_copy_holds_nothing_back_of_what_is_not_its_own(make, settings):
    *links, last = make(MOST + 1)
    refuse(out(links))
    attempts = out([last])
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "INSTANCE": "here"}
    BufferLink.objects.filter(pk=last.pk).update(instance="there")
    refuse(attempts)
    assert (kept(), is_on()) == (0, False)


@pytest.mark.long
def test_the_refusals_of_another_site_do_not_count(make, settings):
    refuse(out(make(MOST)))
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "INSTANCE": "here"}
    BufferLink.objects.update(instance="there")
    refuse(out(make(2)))
    assert (ended(), is_on()) == (MOST + 2, False)


@pytest.mark.long
def test_nor_do_its_active_links(make, settings):
    links = make(MOST + 1)
    others(1000)
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "INSTANCE": "here"}
    BufferLink.objects.filter(user__username="others").update(instance="there")
    refuse(out(links))
    assert (ended(), kept()) == (MOST, 1)


@pytest.mark.long
def test_what_ended_before_is_not_retried(braked):
    held_back.resume()
    ServiceState.objects.update(opened_at=timezone.now())
    assert held_back.retry() == 0


@pytest.mark.long
@pytest.mark.parametrize("way_out", [held_back.retry, held_back.resume])
def test_there_is_no_way_out_of_what_is_not(make, way_out):
    refuse(out(make(3)))
    assert way_out() is None


def let_pass(**by):
    ServiceState.objects.update(opened_at=F("opened_at") - timedelta(**by))


@pytest.mark.long
def test_after_an_hour_the_sweep_lets_go(sandbox, braked):
    let_pass(minutes=60)
    sandbox.clear_faults()
    flows.sweep()
    assert (ended(), kept(), is_on()) == (3, 0, False)
    assert BufferLink.objects.active().filter(generation=2).count() == 2


@pytest.mark.long
def test_not_before(braked):
    let_pass(minutes=58)
    assert flows.sweep() == 0
    assert (kept(), is_on()) == (3, True)


@pytest.mark.long
def test_who_connects_again_is_not_ended_with_the_others(sandbox, user, braked):
    link_to(sandbox, user, account="account-0")
    assert held_back.resume() == 2
    assert held(braked[0]).is_active


@pytest.mark.long
def test_a_reuse_that_was_held_back_has_its_siblings_tried_when_it_ends(sandbox, make, other_user):
    *links, last = make(MOST + 1)
    sibling = link_to(sandbox, other_user, account=f"account-{MOST}")
    refuse(out(links))
    (attempt,) = out([last])
    BufferLink.objects.filter(pk=last.pk).update(sent_count=2)
    refuse([attempt])
    assert held(sibling).refresh_due_at > timezone.now()
    held_back.resume()
    assert held(last).reason == BufferLink.Reason.REFRESH_TOKEN_REUSED
    assert held(sibling).refresh_due_at <= timezone.now()


@pytest.mark.long
def test_links_without_a_refresh_token_are_held_back_too(make):
    (link,) = make(1, refreshable=False)
    refuse(out(make(MOST)))
    with pytest.raises(TokenUnavailable):
        BufferClient(link).report_unauthorized(held(link).open_access_token().reveal())
    assert held(link).is_held_back


@pytest.mark.long
def test_they_do_not_lapse_either_while_the_brake_is_on(make):
    (link,) = make(1, refreshable=False)
    refuse(out(make(MOST)))
    endings.refuse_unrefreshable(held(link))
    age(link, hours=2)
    flows.sweep()
    assert held(link).is_active
    assert statements.lapsed.rows(limit=1) == []
    with pytest.raises(TokenUnavailable):
        BufferClient(link).get_access_token()


@pytest.mark.long
def test_and_are_never_due_after_a_retry(make):
    (link,) = make(1, refreshable=False)
    refuse(out(make(MOST)))
    endings.refuse_unrefreshable(held(link))
    held_back.retry()
    assert (held(link).is_held_back, held(link).refresh_due_at) == (False, None)
