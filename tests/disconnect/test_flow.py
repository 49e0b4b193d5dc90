"""What a disconnect does to the link, at Buffer and for those who listen."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.test import RequestFactory
from django.utils import timezone

from buffer_connect import flows, signals
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import LinkRevoked, NotLinked, TokenUnavailable
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation
from tests.links import held, key_of, link_to, tokens_of

PROFILE = {"account_id": "", "account_email": "", "account_name": "", "organizations": []}
KEPT = ("uid", "user_id", "account_key", "refresh_token_digest", "connected_at", "expires_at")


def columns(link, *names):
    return BufferLink.objects.values(*names).get(pk=link.pk)


def revoked_tokens(sandbox):
    return [request.form["token"][0] for request in sandbox.requests_to("revocation")]


def test_buffer_revokes_the_refresh_token(sandbox, link):
    _, refresh_token = tokens_of(link)
    assert disconnect(link) is True
    assert revoked_tokens(sandbox) == [refresh_token]
    assert sandbox.grant_of(refresh_token).revoked
    assert not PendingRevocation.objects.exists()


def test_tokens_lease_and_profile_are_wiped(person):
    person.connect()
    link = BufferLink.objects.get()
    assert link.account_name
    BufferLink.objects.update(lease_owner=link.uid, lease_until=timezone.now())
    disconnect(link)
    wiped = ("refresh_token", "access_token", "lease_owner", "lease_until", "reason")
    assert columns(link, *wiped) == {**dict.fromkeys(wiped), "reason": ""}
    assert columns(link, *PROFILE) == PROFILE


def test_what_tells_the_row_again_is_kept(person):
    person.connect()
    link = BufferLink.objects.get()
    before = columns(link, *KEPT)
    disconnect(link)
    assert columns(link, *KEPT) == before
    row = held(link)
    assert row.status == BufferLink.Status.DISCONNECTED
    assert row.database_now - row.status_changed_at < timedelta(minutes=1)


def test_those_who_listen_are_told_with_the_request(link, heard):
    calls, request = heard(signals.link_disconnected), RequestFactory().post("/")
    disconnect(link, request=request)
    event = LinkEvent.objects.get(kind="disconnected")
    (call,) = calls
    assert (call["link"], call["request"], call["event_id"]) == (link, request, event.uid)
    assert call["revoked_at_buffer"] is event.revoked_at_buffer is True
    assert event.announced_at


def test_a_buffer_that_is_away_is_told_later(sandbox, link, heard):
    calls = heard(signals.link_disconnected)
    sandbox.fail_next("error_before", on="revocation")
    assert disconnect(link) is False
    assert [call["revoked_at_buffer"] for call in calls] == [False]
    PendingRevocation.objects.update(next_attempt_at=timezone.now())
    flows.sweep()
    assert sandbox.grants[0].revoked
    assert not PendingRevocation.objects.exists()


def test_what_buffer_was_told_of_is_noted_with_that_event_only(sandbox, link, user):
    other = link_to(sandbox, user, account="account-2")
    sandbox.fail_next("outage", on="revocation")
    assert (disconnect(link), disconnect(other)) == (False, True)
    told = dict(LinkEvent.objects.values_list("link", "revoked_at_buffer"))
    assert told == {link.pk: False, other.pk: True}


def test_a_link_without_a_refresh_token_owes_buffer_nothing(sandbox, user):
    link = link_to(sandbox, user, refreshable=False)
    assert disconnect(link) is None
    assert sandbox.requests_to("revocation") == []


def test_an_api_key_is_wiped_and_never_sent(sandbox, user):
    link = key_of(sandbox, user)
    assert disconnect(link) is None
    assert held(link).access_token is None
    assert sandbox.requests_to("revocation") == []


def test_an_ended_link_is_hidden(sandbox, link, heard):
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.update(status="revoked", reason="expired", **nothing)
    calls = heard(signals.link_disconnected)
    assert disconnect(link) is None
    assert (held(link).status, held(link).reason) == ("disconnected", "")
    assert [call["revoked_at_buffer"] for call in calls] == [None]


def test_the_kept_token_of_an_unauthorized_link_is_revoked(sandbox, link):
    _, refresh_token = tokens_of(link)
    BufferLink.objects.update(status="revoked", reason="unauthorized")
    assert disconnect(link) is True
    assert revoked_tokens(sandbox) == [refresh_token]


def test_a_second_disconnect_changes_nothing(sandbox, link, heard):
    disconnect(link)
    calls = heard(signals.link_disconnected)
    assert disconnect(link) is None
    assert calls == []
    assert len(sandbox.requests_to("revocation")) == 1
    assert LinkEvent.objects.filter(kind="disconnected").count() == 1


@contextmanager
def before_each_end(act):
    """Let `act` be called before each D."""

    def wrapper(execute, sql, params, many, context):
        if "SET status = 'disconnected'" in sql:
            act()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


def test_a_race_for_the_row_that_is_lost_is_run_again(sandbox, link):
    failures = [OperationalError("database is locked")]

    def lose():
        if failures:
            raise failures.pop()

    with before_each_end(lose):
        assert disconnect(link) is True
    assert len(sandbox.requests_to("revocation")) == 1


def test_a_database_that_fails_is_an_error(link):
    def fail():
        raise OperationalError("the disk is full")

    with before_each_end(fail), pytest.raises(OperationalError):
        disconnect(link)
    assert held(link).is_active
    assert not PendingRevocation.objects.exists()


def test_a_link_that_never_stands_still_stays_as_it_is(sandbox, link):
    def move():
        BufferLink.objects.update(generation=F("generation") + 1)

    with before_each_end(move), pytest.raises(TokenUnavailable):
        disconnect(link)
    assert held(link).is_active
    assert not PendingRevocation.objects.exists()
    assert sandbox.requests_to("revocation") == []


def test_a_link_that_was_deleted_is_no_error(link):
    BufferLink.objects.filter(pk=link.pk)._raw_delete("default")
    assert disconnect(link) is None


def test_a_stale_link_disconnects_what_is_there(sandbox, link):
    BufferLink.objects.update(generation=7)
    assert disconnect(link) is True
    assert held(link).status == BufferLink.Status.DISCONNECTED


def test_a_grant_that_another_link_lives_on_is_left_alone(sandbox, link, other_user):
    sibling = link_to(sandbox, other_user)
    assert disconnect(link) is None
    assert sandbox.requests_to("revocation") == []
    assert disconnect(sibling) is True


@pytest.mark.parametrize("status", ["revoked", "disconnected"])
def test_an_ended_sibling_needs_no_grant(sandbox, link, other_user, status):
    sibling = link_to(sandbox, other_user)
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.filter(pk=sibling.pk).update(status=status, **nothing)
    assert disconnect(link) is True


def test_a_link_of_another_account_is_no_sibling(sandbox, link, user):
    link_to(sandbox, user, account="account-2")
    assert disconnect(link) is True


def test_revocation_can_be_turned_off(sandbox, link, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENDPOINTS": {"revocation": None}}
    assert disconnect(link) is None
    assert not PendingRevocation.objects.exists()
    assert sandbox.requests_to("revocation") == []


def test_a_token_that_does_not_open_keeps_nobody_connected(sandbox, link, caplog):
    BufferLink.objects.update(refresh_token=b"\x01\x01x" + bytes(40))
    assert disconnect(link) is None
    assert held(link).status == BufferLink.Status.DISCONNECTED
    assert "revocation=lost" in caplog.text


def test_a_client_that_buffer_refuses_is_not_tried_again(sandbox, link):
    sandbox.fail_next("invalid_client", times=None, on="all")
    flows.refresh.breaker.open_()
    assert disconnect(link) is False
    assert sandbox.requests_to("revocation") == []


def test_callers_meet_a_link_that_has_ended(link, user):
    disconnect(link)
    with pytest.raises(LinkRevoked) as raised:
        BufferClient(link).get_access_token()
    assert raised.value.reason == BufferLink.Status.DISCONNECTED
    with pytest.raises(NotLinked):
        BufferClient.for_user(user)


def test_a_reconnect_afterwards_keeps_the_uid(person):
    person.connect()
    first = BufferLink.objects.get()
    disconnect(first)
    person.connect()
    link = BufferLink.objects.get()
    assert (link.uid, link.status, link.account_name) == (
        first.uid,
        "active",
        "Sandbox account 1",
    )


def test_a_reconnect_cancels_a_revocation_that_waits(sandbox, person):
    person.connect()
    sandbox.fail_next("outage", on="revocation")
    disconnect(BufferLink.objects.get())
    person.connect()
    PendingRevocation.objects.update(next_attempt_at=timezone.now())
    flows.sweep()
    assert len(sandbox.requests_to("revocation")) == 1
    assert not PendingRevocation.objects.exists()


def test_a_deleted_user_is_revoked_at_buffer(sandbox, link, user):
    user.delete()
    flows.clean_up()
    assert sandbox.grants[0].revoked


def test_a_deleted_user_does_not_end_the_link_of_another(sandbox, link, user, other_user):
    sibling = link_to(sandbox, other_user)
    user.delete()
    flows.clean_up()
    assert sandbox.is_current(tokens_of(sibling)[1])
    assert not PendingRevocation.objects.exists()


def test_nothing_of_the_account_is_left(person, user):
    person.connect()
    link = BufferLink.objects.get()
    personal = {link.account_id, link.account_email, link.account_name}
    disconnect(link)
    rows = [*BufferLink.objects.values(), *LinkEvent.objects.values()]
    assert all(personal)
    assert [text for text in personal if text in str(rows)] == []


def test_a_disconnected_link_goes_when_its_time_is_over(link):
    disconnect(link)
    BufferLink.objects.update(status_changed_at=timezone.now() - timedelta(days=91))
    flows.clean_up()
    assert not BufferLink.objects.exists()
    assert not LinkEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_buffer_is_told_after_the_commit(sandbox, link, heard):
    calls = heard(signals.link_disconnected)
    with transaction.atomic():
        assert disconnect(link) is False
        assert (sandbox.requests_to("revocation"), calls) == ([], [])
    assert sandbox.grants[0].revoked
    assert [call["revoked_at_buffer"] for call in calls] == [True]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_rolled_back_keeps_the_link(sandbox, link, heard):
    calls = heard(signals.link_disconnected)
    with transaction.atomic():
        disconnect(link)
        transaction.set_rollback(True)
    assert held(link).is_active
    assert sandbox.is_current(tokens_of(link)[1])
    assert calls == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", [flows.sweep, flows.clean_up])
def test_a_deletion_that_is_rolled_back_revokes_nothing(sandbox, link, user, run):
    with transaction.atomic():
        user.delete()
        run()
        transaction.set_rollback(True)
    run()
    assert sandbox.is_current(tokens_of(link)[1])
