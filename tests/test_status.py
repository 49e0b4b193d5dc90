from datetime import timedelta

import pytest
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.exceptions import KeyUnavailable
from buffer_connect.flows import status
from buffer_connect.flows.refresh import breaker
from buffer_connect.flows.refresh.claim import claim, prepare
from buffer_connect.flows.status import Level, Limits, Waiting, judge, worst
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation, ServiceState
from buffer_connect.receivers import keep_for_revocation
from buffer_connect.sealing import generate_entry
from tests.links import age, link_to, make_due


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def swept(link):
    """A link on a site whose sweep runs."""
    flows.sweep()
    return link


def change(link, **columns):
    BufferLink.objects.filter(pk=link.pk).update(**columns)


def ago(**by):
    return timezone.now() - timedelta(**by)


def end(link, reason, **by):
    event = LinkEvent.objects.record(LinkEvent.Kind.REVOKED, link=link.pk, reason=reason)
    LinkEvent.objects.filter(pk=event.pk).update(created_at=ago(**by))


def about(subject, **limits):
    """Return the levels of the findings about one number."""
    findings = judge(status.read(), Limits(**limits))
    return [finding.level for finding in findings if finding.subject == subject]


def test_links_are_counted_by_status(link):
    assert status.read().links == {"active": 1, "revoked": 0, "disconnected": 0}


def test_a_site_without_links_has_numbers_too(db):
    read = status.read()
    assert (read.refreshable, read.due, read.last_sweep_seconds) == (0, Waiting(count=0), None)


def test_a_site_whose_sweep_runs_is_well(swept):
    assert judge(status.read(), Limits()) == []


def test_links_that_end_by_themselves_are_not_refreshable(sandbox, user):
    link_to(sandbox, user, refreshable=False)
    assert status.read().refreshable == 0


def test_what_is_due_is_counted_with_the_wait_of_the_first(link, sandbox, other_user):
    make_due(link_to(sandbox, other_user))
    change(link, refresh_due_at=ago(minutes=11))
    due = status.read().due
    assert due.count == 2
    assert due.oldest_seconds == pytest.approx(660, abs=30)


NOT_READY = [
    {"next_attempt_at": timezone.now() + timedelta(hours=9)},
    {"lease_until": timezone.now() + timedelta(hours=9)},
    {"status": "revoked", "reason": "unauthorized"},
    {"refused_generation": 1},
    {"sent_generation": 1, "sent_at": timezone.now()},
    {"refresh_token": None},
]


@pytest.mark.parametrize("columns", NOT_READY, ids=lambda columns: next(iter(columns)))
def test_only_what_may_be_refreshed_now_is_due(link, columns):
    change(link, refresh_due_at=ago(minutes=11), **columns)
    assert status.read().due.count == 0


def test_an_older_generation_that_went_out_does_not_hinder(link):
    change(link, refresh_due_at=ago(minutes=11), generation=2, sent_generation=1)
    assert status.read().due.count == 1


def test_after_a_failure_the_wait_begins_with_the_next_attempt(link):
    change(link, refresh_due_at=ago(hours=3), next_attempt_at=ago(minutes=1))
    assert status.read().due.oldest_seconds == pytest.approx(60, abs=30)


def test_links_that_wait_after_a_failure_are_counted(link):
    change(link, next_attempt_at=timezone.now() + timedelta(minutes=5))
    assert status.read().backing_off == 1


def test_links_in_doubt_are_counted_since_they_were_sent(link):
    change(link, sent_generation=1, sent_at=ago(minutes=2))
    in_doubt = status.read().in_doubt
    assert in_doubt.count == 1
    assert in_doubt.oldest_seconds == pytest.approx(120, abs=30)


def test_a_request_that_is_out_is_not_in_doubt(link):
    lease = timezone.now() + timedelta(minutes=2)
    change(link, sent_generation=1, sent_at=timezone.now(), lease_until=lease)
    assert status.read().in_doubt.count == 0


def test_the_commonest_of_the_last_errors_are_counted(link, sandbox, other_user):
    change(link_to(sandbox, other_user, account="account-2"), last_error="ReadTimeout")
    change(link_to(sandbox, other_user), last_error="http_503")
    change(link, last_error="http_503")
    assert list(status.read().errors.items()) == [("http_503", 2), ("ReadTimeout", 1)]


def test_links_without_an_access_token_are_counted_since_they_were_due(link):
    change(link, refresh_due_at=ago(hours=1), expires_at=ago(minutes=16))
    unserved = status.read().unserved
    assert unserved.count == 1
    assert unserved.oldest_seconds == pytest.approx(960, abs=30)


@pytest.mark.parametrize(
    "columns",
    [
        {"refresh_due_at": ago(hours=1)},
        {"expires_at": ago(minutes=16)},
        {"refresh_due_at": ago(hours=1), "expires_at": ago(minutes=16), "refresh_token": None},
    ],
    ids=["its token lives", "it rests", "it ends with its token"],
)
def test_other_links_serve_or_rest(link, columns):
    change(link, **columns)
    assert status.read().unserved.count == 0


def test_ended_links_are_counted_by_reason_and_time(link):
    end(link, "answer_lost", hours=1)
    end(link, "answer_lost", days=2)
    end(link, "expired", days=8)
    read = status.read()
    assert read.ended_last_day == {"answer_lost": 1}
    assert read.ended_last_week == {"answer_lost": 2}


def lose_the_key(settings):
    new = generate_entry("new")
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENCRYPTION_KEYS": [new]}


def test_links_whose_key_is_missing_are_blocked(link, settings):
    lose_the_key(settings)
    make_due(link)
    assert prepare(claim([link.pk])) == []
    assert status.read().blocked == {KeyUnavailable.__name__: 1}


def test_keys_are_told_with_the_rows_that_need_them(link, settings):
    keep_for_revocation(link)
    lose_the_key(settings)
    told = [(k.kid, k.links, k.revocations, k.held, k.seals) for k in status.read().keys]
    assert told == [("new", 0, 0, True, True), ("tests", 1, 1, False, False)]


def test_a_link_is_counted_once_whatever_it_holds(link, sandbox, other_user):
    link_to(sandbox, other_user, refreshable=False)
    (key,) = status.read().keys
    assert key.links == 2


@pytest.mark.parametrize("value", [b"\x01", b"\x07\x03abc", b"\x01\x03a\xff?"], ids=repr)
def test_values_that_name_no_key_are_told_apart(link, value):
    change(link, refresh_token=value)
    assert [(key.kid, key.links) for key in status.read().keys] == [("tests", 1), ("", 1)]
    assert about("keys") == [Level.WARNING]


def test_the_number_of_queries_does_not_follow_the_number_of_links(
    link, sandbox, other_user, django_assert_max_num_queries
):
    link_to(sandbox, other_user)
    with django_assert_max_num_queries(20):
        status.read()


def test_an_open_breaker_is_critical(swept):
    breaker.open_()
    assert about("breaker_open_seconds") == [Level.CRITICAL]


def test_the_breaker_of_another_secret_is_none_of_ours(swept, settings):
    breaker.open_()
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "CLIENT_SECRET": "the right one"}
    assert about("breaker_open_seconds") == []


def test_a_process_with_another_secret_that_is_refused_is_a_warning(swept, settings):
    breaker.open_()
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "CLIENT_SECRET": "corrected"}
    assert about("breaker_of_others_seconds") == [Level.WARNING]
    ServiceState.objects.filter(name="breaker").update(probe_at=ago(minutes=4))
    assert about("breaker_of_others_seconds") == []


def test_ones_own_breaker_is_not_anothers(swept):
    breaker.open_()
    assert about("breaker_of_others_seconds") == []


def test_a_brake_that_is_on_is_critical(swept):
    ServiceState.objects.create(name="brake", opened_at=ago(minutes=3))
    assert about("brake_on_seconds") == [Level.CRITICAL]
    assert status.read().brake_on_seconds == pytest.approx(180, abs=30)


def test_a_brake_that_was_taken_off_is_none_of_our_worries(swept):
    ServiceState.objects.create(name="brake", updated_at=ago(minutes=3))
    assert judge(status.read(), Limits()) == []


def test_what_is_held_back_is_counted_by_reason(link):
    change(link, refused_generation=1, refused_reason="answer_lost")
    assert status.read().held_back == {"answer_lost": 1}


def test_a_sweep_that_stands_still_is_critical(swept):
    ServiceState.objects.update(updated_at=ago(minutes=6))
    assert about("last_sweep_seconds") == [Level.CRITICAL]
    assert about("last_sweep_seconds", sweep=timedelta(minutes=7)) == []


def test_a_sweep_that_never_ran_is_critical_where_there_is_a_link(link):
    assert about("last_sweep_seconds") == [Level.CRITICAL]


def test_without_links_nothing_is_missed_yet(db):
    assert about("last_sweep_seconds") == [Level.WARNING]


def test_a_missing_key_is_critical(swept, settings):
    lose_the_key(settings)
    assert about("keys") == [Level.CRITICAL]


def test_a_missing_key_that_no_link_needs_is_a_warning(swept, settings):
    keep_for_revocation(swept)
    BufferLink.objects.all().delete()
    lose_the_key(settings)
    assert about("keys") == [Level.WARNING]


def test_a_copy_needs_no_key_of_the_links_that_it_leaves_alone(swept, settings):
    keep_for_revocation(swept)
    BufferLink.objects.update(instance="production")
    PendingRevocation.objects.update(instance="production")
    lose_the_key(settings)
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "INSTANCE": "staging"}
    (_, theirs) = status.read().keys
    assert (theirs.rows, theirs.is_used) == (
        "links 0, revocations 0, connects 0, elsewhere 2",
        True,
    )
    assert about("keys") == []


def test_that_buffer_refuses_how_the_site_asks_is_critical_when_it_is_all(
    swept, sandbox, other_user
):
    change(swept, last_error="unauthorized_client")
    assert about("errors") == [Level.CRITICAL]
    link_to(sandbox, other_user)
    assert about("errors") == [Level.WARNING]


def test_that_callers_get_no_token_is_critical_when_it_is_all(swept, sandbox, other_user):
    change(swept, refresh_due_at=ago(hours=1), expires_at=ago(minutes=16))
    assert about("unserved") == [Level.CRITICAL]
    assert about("unserved", unserved=timedelta(minutes=17)) == []
    link_to(sandbox, other_user)
    assert about("unserved") == [Level.WARNING]


def test_an_outage_of_buffer_does_not_look_well(swept, sandbox):
    sandbox.fail_next("outage", times=None)
    age(swept, hours=2)
    flows.sweep()
    (finding,) = judge(status.read(), Limits())
    assert finding.subject == "unserved"
    assert "no_answer 1" in finding.text


def test_a_sweep_that_does_not_keep_up_is_a_warning(swept):
    change(swept, refresh_due_at=ago(minutes=11))
    assert about("due") == [Level.WARNING]
    assert about("due", due=timedelta(minutes=12)) == []


def test_a_link_that_cannot_be_opened_is_a_warning(swept, sandbox, user):
    link_to(sandbox, user, account="another")
    change(swept, last_error="Tampered")
    assert about("blocked") == [Level.WARNING]


def test_that_no_link_can_be_opened_is_critical(swept):
    change(swept, last_error="Tampered")
    assert about("blocked") == [Level.CRITICAL]


def test_links_that_no_refresh_will_name_are_a_warning(swept, instance):
    change(swept, refresh_token=None, refresh_due_at=None, instance="")
    assert (about("unnamed"), status.read().unnamed) == ([], 0)
    instance("production")
    assert (about("unnamed"), status.read().unnamed) == ([Level.WARNING], 1)
    change(swept, instance="production")
    assert about("unnamed") == []


def test_many_links_in_doubt_are_a_warning(swept):
    change(swept, sent_generation=1, sent_at=ago(minutes=2))
    assert about("in_doubt") == []
    assert about("in_doubt", in_doubt=0) == [Level.WARNING]


def test_a_revocation_that_waits_for_days_is_a_warning(swept):
    keep_for_revocation(swept)
    assert about("revocations") == []
    PendingRevocation.objects.update(created_at=ago(days=2))
    assert about("revocations") == [Level.WARNING]


def test_a_state_change_that_stays_untold_is_a_warning(swept):
    end(swept, "expired", minutes=16)
    assert about("unannounced") == [Level.WARNING]


def test_the_worst_comes_first(link):
    age(link, minutes=70)
    end(link, "expired", minutes=16)
    levels = [finding.level for finding in judge(status.read(), Limits())]
    assert levels == sorted(levels, reverse=True)
    assert len(set(levels)) == 2


def test_nothing_to_tell_is_fine():
    assert worst([]) == Level.OK
