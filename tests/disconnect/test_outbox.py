"""The outbox: every answer of the revocation endpoint, and who may send what when."""

import signal
from datetime import timedelta
from threading import Event
from unittest.mock import Mock

import pytest
from django.db.models import F
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.flows.refresh import breaker
from buffer_connect.flows.revocation import Told, send, send_due
from buffer_connect.models import LinkEvent, PendingRevocation
from buffer_connect.models.link import account_key
from buffer_connect.sealing import Secret
from tests.links import held, key_of, link_to, make_due, tokens_of
from tests.processes import wait_for

OTHER_KEYS = ["other:d9yVMvLhT4PwTSlI7cZ0OHOSIbB5WZPY2ZDUQCfCcXk="]


@pytest.fixture
def owe(sandbox, db):
    """Return a function that owes Buffer the revocation of a new grant."""

    def owe_one(account="account-9"):
        token = Secret(sandbox.issue(account).refresh_token)
        key = account_key(account)
        row = PendingRevocation.objects.post(token, account_key=key, instance="")
        return PendingRevocation.objects.get(pk=row.pk)

    return owe_one


def wait():
    """Return in how many seconds the row is due."""
    return (PendingRevocation.objects.get().next_attempt_at - timezone.now()).total_seconds()


def come_due(**by):
    ago = timezone.now() - timedelta(**by)
    PendingRevocation.objects.update(next_attempt_at=ago)


LATER = {
    "unavailable": ("error_before", {"status": 503}),
    "revoked, and the answer lost": ("lose_answer", {}),
    "server error": ("error_after", {"status": 500}),
    "too many requests": ("rate_limit", {}),
    "no connection": ("outage", {}),
    "a page": ("html", {"status": 502}),
    "a page of a proxy": ("html", {"status": 400}),
    "moved": ("html", {"status": 404}),
    "wrong client": ("invalid_client", {}),
    "client not allowed": ("oauth_error", {"error": "unauthorized_client"}),
    "busy": ("oauth_error", {"error": "temporarily_unavailable"}),
}


@pytest.mark.long
@pytest.mark.parametrize(("kind", "options"), LATER.values(), ids=LATER)
def test_what_may_pass_is_tried_again(sandbox, owe, kind, options):
    row = owe()
    sandbox.fail_next(kind, on="revocation", **options)
    assert send(row) is Told.LATER
    assert wait() > 25
    assert send_due() == 0
    come_due(seconds=1)
    assert send_due() == 1
    assert sandbox.grants[0].revoked
    assert not PendingRevocation.objects.exists()


@pytest.mark.parametrize("error", ["unsupported_token_type", "invalid_request", "invalid_token"])
def test_what_cannot_be_cured_is_given_up(sandbox, owe, caplog, error):
    row = owe()
    sandbox.fail_next("oauth_error", on="revocation", error=error)
    assert send(row) is Told.REFUSED
    assert not PendingRevocation.objects.exists()
    assert f"revocation={row.uid} state=given_up error={error}" in caplog.text
    assert LinkEvent.objects.get().kind == LinkEvent.Kind.NOT_TOLD


def test_an_unknown_token_is_done(sandbox, db):
    row = PendingRevocation.objects.post(Secret("never-issued"), account_key="k", instance="")
    assert send(row) is Told.REVOKED
    assert not PendingRevocation.objects.exists()


def test_a_success_is_its_status_whatever_the_body(sandbox, owe):
    sandbox.fail_next("html", on="revocation", status=200)
    assert send(owe()) is Told.REVOKED


def test_retry_after_is_honoured(sandbox, owe):
    sandbox.fail_next("rate_limit", on="revocation", retry_after="7200")
    send(owe())
    assert 7100 < wait() < 7300


def test_the_pause_grows_to_hours_and_no_further(sandbox, owe):
    row = owe()
    PendingRevocation.objects.update(attempts=40)
    row.refresh_from_db()
    sandbox.fail_next("outage", on="revocation")
    send(row)
    assert 25 < wait() < 6 * 3600 + 60


def test_the_first_that_buffer_does_not_take_ends_the_run(sandbox, owe):
    for _ in range(3):
        owe()
    sandbox.fail_next("error_before", on="revocation", times=None)
    assert send_due() == 0
    assert len(sandbox.requests_to("revocation")) == 1


def test_one_that_is_refused_holds_up_no_other(sandbox, owe):
    owe(), owe()
    sandbox.fail_next("oauth_error", on="revocation", error="unsupported_token_type")
    assert send_due() == 1


def test_a_run_takes_no_more_than_its_limit(owe):
    for _ in range(3):
        owe()
    assert [send_due(2), send_due(2)] == [2, 1]


def test_once_it_shall_stop_nothing_more_is_sent(sandbox, owe):
    owe(), owe()
    stop = Mock(is_set=lambda: bool(sandbox.requests_to("revocation")))
    assert [send_due(stop=stop), send_due(stop=stop)] == [1, 0]


@pytest.mark.long
@pytest.mark.parametrize(("job", "code"), [("loop", 0), ("cron", -signal.SIGTERM)])
def test_a_command_that_is_told_to_stop_sends_none(sandbox, user, owe, start, job, code):
    make_due(link_to(sandbox, user))
    sandbox.fail_next("slow", seconds=2)
    command = start(job).ready().go()
    wait_for(lambda: sandbox.requests_to("token"), "a refresh is out")
    owe()
    command.terminate()
    command.wait_until_ended(code)
    assert sandbox.requests_to("revocation") == []


def test_the_oldest_go_first(sandbox, owe):
    first = owe()
    owe()
    send_due(1)
    assert not PendingRevocation.objects.filter(pk=first.pk).exists()


def test_a_row_that_another_process_took_is_not_sent(sandbox, owe):
    row = owe()
    assert PendingRevocation.objects.get(pk=row.pk).take()
    assert send(row) is Told.WAITS
    assert sandbox.requests_to("revocation") == []


def test_a_process_that_died_gives_its_row_back(owe):
    row = owe()
    row.take()
    PendingRevocation.objects.update(next_attempt_at=F("next_attempt_at") - timedelta(minutes=1))
    assert send_due() == 1


def test_a_sibling_that_came_meanwhile_keeps_its_grant(sandbox, owe, user):
    row = owe("account-1")
    link = link_to(sandbox, user, account="account-1")
    assert send(row) is Told.NEEDLESS
    assert sandbox.requests_to("revocation") == []
    assert sandbox.is_current(tokens_of(link)[1])
    assert not PendingRevocation.objects.exists()


def test_an_api_key_of_the_account_is_no_sibling(sandbox, owe, user):
    row = owe("account-1")
    key_of(sandbox, user, account="account-1")
    assert send(row) is Told.REVOKED


def test_a_token_whose_key_is_missing_waits_for_it(sandbox, owe, settings, caplog):
    row, ours = owe(), settings.BUFFER_CONNECT
    settings.BUFFER_CONNECT = {**ours, "ENCRYPTION_KEYS": OTHER_KEYS}
    assert send(row) is Told.WAITS
    assert "error=KeyUnavailable" in caplog.text
    settings.BUFFER_CONNECT = ours
    come_due(seconds=1)
    assert send_due() == 1


def test_a_token_that_waits_for_its_key_holds_up_no_other(sandbox, owe, settings):
    ours = settings.BUFFER_CONNECT
    owe()
    settings.BUFFER_CONNECT = {**ours, "ENCRYPTION_KEYS": OTHER_KEYS}
    owe()
    assert send_due() == 1


def test_it_is_given_up_after_fourteen_days(sandbox, owe, caplog):
    row = owe()
    PendingRevocation.objects.update(created_at=timezone.now() - timedelta(days=14, minutes=1))
    assert send_due() == 0
    assert sandbox.requests_to("revocation") == []
    assert not PendingRevocation.objects.exists()
    event = LinkEvent.objects.get()
    assert (event.kind, event.link) == (LinkEvent.Kind.NOT_TOLD, None)
    assert f"revocation={row.uid} state=given_up error=overdue" in caplog.text


def test_it_is_not_given_up_a_day_before(owe):
    owe()
    PendingRevocation.objects.update(created_at=timezone.now() - timedelta(days=13))
    assert send_due() == 1


def test_what_another_site_owes_is_for_that_to_give_up(owe, instance):
    owe()
    ago = timezone.now() - timedelta(days=15)
    PendingRevocation.objects.update(created_at=ago, instance="production")
    instance("staging")
    send_due()
    assert PendingRevocation.objects.exists()


@pytest.mark.parametrize("name", [None, "production"])
def test_an_event_without_a_link_goes_after_the_retention(owe, instance, name):
    instance(name)
    owe()
    PendingRevocation.objects.update(created_at=timezone.now() - timedelta(days=15))
    flows.clean_up()
    LinkEvent.objects.update(created_at=timezone.now() - timedelta(days=91))
    flows.clean_up()
    assert not LinkEvent.objects.exists()


def test_a_wrong_client_opens_the_breaker(sandbox, owe):
    sandbox.fail_next("invalid_client", on="revocation")
    send(owe())
    assert breaker.is_open()


def test_a_client_that_is_right_again_closes_it(owe):
    owe()
    breaker.open_()
    assert send_due() == 1
    assert not breaker.is_open()


def test_so_does_a_refusal_of_what_was_asked(sandbox, owe):
    owe()
    breaker.open_()
    sandbox.fail_next("oauth_error", on="revocation", error="unsupported_token_type")
    send_due()
    assert not breaker.is_open()


@pytest.mark.parametrize("run", [flows.sweep, flows.clean_up])
def test_every_sweep_and_every_clean_up_sends_what_is_due(sandbox, owe, run):
    owe()
    run()
    assert sandbox.grants[0].revoked


def test_a_sweep_that_is_to_stop_sends_nothing(sandbox, owe):
    owe()
    stop = Event()
    stop.set()
    flows.sweep(stop=stop)
    assert sandbox.requests == []


def test_a_sweep_refreshes_before_it_revokes(sandbox, owe, user):
    owe()
    link = link_to(sandbox, user)
    make_due(link)
    flows.sweep()
    endpoints = [request.endpoint for request in sandbox.requests]
    assert (endpoints[0], endpoints[-1]) == ("token", "revocation")
    assert held(link).generation == 2


def test_turned_off_means_that_nothing_waits(sandbox, owe, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENDPOINTS": {"revocation": None}}
    assert send(owe()) is Told.NEEDLESS
    assert not PendingRevocation.objects.exists()
    assert sandbox.requests_to("revocation") == []
