"""The admin: a window on the links."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation
from tests.links import link_to, tokens_of
from tests.people import Person

pytestmark = pytest.mark.django_db

LIST = "/admin/buffer_connect/bufferlink/"


@pytest.fixture
def operator(db):
    """The browser of a superuser."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", "root@example.com", "x"))
    return client


@pytest.fixture
def link(sandbox, user):
    Person(sandbox, user).connect()
    return BufferLink.objects.get()


def detail(link):
    return reverse("admin:buffer_connect_bufferlink_change", args=[link.pk])


def delete_user(user):
    label = f"{user._meta.app_label}_{user._meta.model_name}"
    return reverse(f"admin:{label}_delete", args=[user.pk])


def test_the_list_shows_whose_links_stand_how(operator, link):
    page = operator.get(LIST).content.decode()
    assert "Sandbox account 1" in page
    assert ">ada<" in page
    assert "connected" in page


def test_the_detail_says_why_a_link_ended(operator, link):
    BufferLink.objects.update(
        status="revoked", reason="expired", access_token=None, refresh_token=None
    )
    assert "The connection has run out." in operator.get(detail(link)).content.decode()


def test_nothing_can_be_edited(operator, link):
    page = operator.get(detail(link)).content.decode()
    assert 'name="_save"' not in page
    assert operator.post(detail(link), {"status": "revoked"}).status_code == 403
    assert operator.get(f"{LIST}add/").status_code == 403


@pytest.mark.parametrize("query", ["", "?q=ada", "?q=account-1", "?status__exact=active"])
def test_the_list_can_be_searched_and_filtered(operator, link, query):
    assert "1 Buffer link" in operator.get(LIST + query).content.decode()


def test_no_page_shows_a_token_or_what_is_sealed(operator, link):
    pages = [LIST, detail(link), f"{LIST}{link.pk}/history/", f"{LIST}{link.pk}/delete/"]
    text = "".join(operator.get(page).content.decode() for page in pages)
    hidden = [*tokens_of(link), link.refresh_token_digest, "digest", "access_token"]
    assert [secret for secret in hidden if secret in text] == []
    assert bytes(link.access_token).hex() not in text


@pytest.mark.parametrize("lookup", ["refresh_token_digest__startswith", "access_token__isnull"])
def test_the_list_cannot_be_asked_about_what_is_sealed(operator, link, lookup):
    assert operator.get(f"{LIST}?{lookup}=1").status_code == 400


def test_ten_links_take_as_many_queries_as_one(
    operator, link, sandbox, django_assert_max_num_queries
):
    operator.get(LIST)
    for number in range(10):
        user = get_user_model().objects.create_user(f"user{number}")
        link_to(sandbox, user, account=f"account-{number}")
    with django_assert_max_num_queries(7):
        operator.get(LIST)


def test_deleting_a_user_keeps_the_token_for_revocation(operator, link, user):
    response = operator.post(delete_user(user), {"post": "yes"})
    assert response.status_code == 302
    assert not BufferLink.objects.exists()
    assert not LinkEvent.objects.exists()
    assert PendingRevocation.objects.get().account_key == link.account_key


def test_who_may_delete_users_and_links_may_delete_a_user_with_links(link, user):
    staff = get_user_model().objects.create_user("staff", is_staff=True)
    names = ["view_user", "delete_user", "delete_bufferlink"]
    staff.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(staff)
    assert client.post(delete_user(user), {"post": "yes"}).status_code == 302
    assert not get_user_model().objects.filter(pk=user.pk).exists()


def test_a_key_that_is_missing_does_not_stop_the_deletion(operator, link, user, settings):
    keys = ["other:d9yVMvLhT4PwTSlI7cZ0OHOSIbB5WZPY2ZDUQCfCcXk="]
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENCRYPTION_KEYS": keys}
    assert operator.post(delete_user(user), {"post": "yes"}).status_code == 302
    assert not BufferLink.objects.exists()


def test_links_deleted_from_the_list_are_kept_for_revocation_too(operator, link):
    chosen = {"action": "delete_selected", "_selected_action": [link.pk], "post": "yes"}
    operator.post(LIST, chosen)
    assert PendingRevocation.objects.count() == 1
