"""Deleting links and their users in the admin: no token is lost without a word."""

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth import get_user_model

from buffer_connect import signals
from buffer_connect.admin import ending
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation
from tests.links import link_to
from tests.staff import LIST, choose, delete_page, delete_user_page, messages_of, staff_browser

pytestmark = [pytest.mark.django_db, pytest.mark.long]
committed = pytest.mark.django_db(transaction=True)

OTHER_KEY = ["other:d9yVMvLhT4PwTSlI7cZ0OHOSIbB5WZPY2ZDUQCfCcXk="]


@pytest.fixture
def operator(db):
    """The browser of staff who may delete."""
    names = ["view_bufferlink", "delete_bufferlink", "delete_user", "view_user"]
    return staff_browser(*names)


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


def delete_one(client, link):
    return client.post(delete_page(link), {"post": "yes"})


def delete_chosen(client, *links):
    return choose(client, "delete_selected", *links, post="yes")


ways = pytest.mark.parametrize("delete", [delete_one, delete_chosen])


@committed
@ways
def test_a_deleted_link_is_revoked_at_buffer(operator, link, sandbox, heard, delete):
    calls = heard(signals.link_disconnected)
    assert delete(operator, link).status_code == 302
    assert not BufferLink.objects.exists()
    assert not LinkEvent.objects.exists()
    assert not PendingRevocation.objects.exists()
    assert [grant.revoked for grant in sandbox.grants] == [True]
    assert [call["revoked_at_buffer"] for call in calls] == [True]


@committed
@ways
def test_its_token_waits_where_buffer_cannot_be_told(operator, link, sandbox, delete):
    sandbox.fail_next("outage", on="revocation")
    delete(operator, link)
    assert not BufferLink.objects.exists()
    assert PendingRevocation.objects.get().account_key == link.account_key


@committed
@ways
def test_a_token_that_does_not_open_is_said_to_be_lost(operator, link, settings, delete):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENCRYPTION_KEYS": OTHER_KEY}
    response = delete(operator, link)
    assert any("so Buffer cannot be told" in message for message in messages_of(response))
    assert not BufferLink.objects.exists()


@committed
@ways
def test_a_deletion_is_logged_by_uid(operator, link, delete):
    delete(operator, link)
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_repr) == (DELETION, str(link.uid))


def test_links_that_take_too_long_go_into_the_outbox(
    operator, link, sandbox, other_user, monkeypatch
):
    other_link = link_to(sandbox, other_user, account="account-2")
    monkeypatch.setattr(ending, "TELLS_BUFFER_FOR", -1.0)
    delete_chosen(operator, link, other_link)
    assert not BufferLink.objects.exists()
    assert PendingRevocation.objects.count() == 2


@ways
def test_who_may_change_links_cannot_delete_them(link, delete):
    delete(staff_browser("view_bufferlink", "change_bufferlink"), link)
    assert BufferLink.objects.exists()


def test_deleting_a_user_keeps_the_token_for_revocation(operator, link, user):
    response = operator.post(delete_user_page(user), {"post": "yes"})
    assert response.status_code == 302
    assert not BufferLink.objects.exists()
    assert not LinkEvent.objects.exists()
    assert PendingRevocation.objects.get().account_key == link.account_key


def test_who_may_delete_users_and_links_may_delete_a_user_with_links(operator, link, user):
    operator.post(delete_user_page(user), {"post": "yes"})
    assert not get_user_model().objects.filter(pk=user.pk).exists()


def test_a_key_that_is_missing_does_not_stop_the_deletion_of_a_user(operator, link, user, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENCRYPTION_KEYS": OTHER_KEY}
    assert operator.post(delete_user_page(user), {"post": "yes"}).status_code == 302
    assert not BufferLink.objects.exists()


def test_the_page_that_asks_before_a_deletion_shows_the_link(operator, link):
    page = choose(operator, "delete_selected", link).content.decode()
    assert str(link) in page
    assert BufferLink.objects.exists()
    assert LIST in page
