"""What is stored of what was granted: new links, reconnects, less than was asked."""

import threading
from html import unescape

import pytest
from django.db import connections
from django.db.models.signals import pre_save

from buffer_connect.models import BufferLink, LinkEvent
from tests.links import link_to, tokens_of
from tests.people import Person

pytestmark = pytest.mark.django_db


def test_a_reconnect_keeps_the_uid_and_starts_a_new_epoch(person):
    person.connect()
    first = BufferLink.objects.get()
    person.connect(fields={"link": str(first.uid)})
    link = BufferLink.objects.get()
    assert link.uid == first.uid
    assert (link.epoch != first.epoch, link.generation, link.status) == (True, 1, "active")


def test_a_reconnect_is_told_as_not_created(person):
    person.connect()
    person.connect()
    assert [event.created for event in LinkEvent.objects.order_by("pk")] == [True, False]


def test_a_reconnect_never_revokes_the_old_token(person, sandbox):
    person.connect()
    _, old = tokens_of(BufferLink.objects.get())
    person.connect()
    assert sandbox.is_current(old)
    assert sandbox.requests_to("revocation") == []


def test_a_reconnect_revives_an_ended_link(person):
    person.connect()
    ended = {"refresh_token": None, "access_token": None, "reason": "answer_lost"}
    BufferLink.objects.update(status="revoked", failures=3, last_error="x", **ended)
    person.connect()
    link = BufferLink.objects.get()
    assert (link.status, link.reason, link.failures, link.last_error) == ("active", "", 0, "")


def test_a_reconnect_brings_the_profile_up_to_date(person):
    person.connect()
    BufferLink.objects.update(account_name="", account_email="", organizations=[])
    person.connect()
    link = BufferLink.objects.get()
    assert link.account_name == "Sandbox account 1"
    assert link.organizations


def test_another_account_is_linked_as_its_own(person, user, sandbox):
    asked = link_to(sandbox, user)
    before = tokens_of(asked)
    person.connect(fields={"link": str(asked.uid)}, account="account-2")
    assert BufferLink.objects.active().count() == 2
    assert tokens_of(asked) == before
    assert "You chose another Buffer account" in person.links_page()


def test_the_same_account_is_no_other(person):
    person.connect()
    person.connect(fields={"link": str(BufferLink.objects.get().uid)})
    assert "You chose another Buffer account" not in person.links_page()


def test_partial_consent_is_stored_as_granted(person):
    person.connect(scopes=["account:read", "posts:read", "offline_access"])
    link = BufferLink.objects.get()
    assert sorted(link.granted_scopes) == ["account:read", "offline_access", "posts:read"]
    assert not link.has_scopes("posts:write")
    assert "You left out: create and change posts." in person.links_page()


def test_without_offline_access_the_link_is_never_due(person):
    person.connect(scopes=["account:read", "posts:read", "posts:write"])
    link = BufferLink.objects.get()
    assert link.is_active
    assert (link.refresh_token, link.refresh_due_at, link.refresh_token_digest) == (None, None, "")
    assert "ends by itself soon" in unescape(person.links_page())


def test_a_silent_token_response_grants_what_was_asked(person, sandbox):
    sandbox.fail_next("alter", changes={"scope": None})
    person.connect(fields={"scope": ["posts:read"]})
    granted = BufferLink.objects.get().granted_scopes
    assert sorted(granted) == ["account:read", "offline_access", "posts:read"]


def test_a_full_grant_says_only_that_it_is_connected(person):
    person.connect()
    page = person.links_page()
    assert page.count('role="status"') == 1
    assert "Sandbox account 1 is connected." in page


def test_an_account_without_a_name_is_connected_by_its_date(person, sandbox):
    nameless = {"id": "account-1", "name": None, "email": None, "organizations": []}
    sandbox.fail_next("alter", on="api", changes={"data": {"account": nameless}})
    person.connect()
    assert f"{BufferLink.objects.get()} is connected." in person.links_page()


def test_the_account_that_was_meant_is_named_as_on_its_card(person, user, sandbox):
    asked = link_to(sandbox, user)
    person.connect(fields={"link": str(asked.uid)}, account="account-2")
    page = person.links_page()
    assert f"You chose another Buffer account than {asked}." in page
    assert f"<h2>{asked}</h2>" in page


def test_a_notice_that_the_site_must_know_waits_for_the_links_page(person):
    person.connect(fields={"next": "/there/"}, scopes=["account:read", "posts:read"])
    page = person.links_page()
    assert "ends by itself soon" in page
    assert "is connected." not in page


def test_accounts_are_told_apart_by_every_character(person, sandbox, user):
    for account in ("account-1", "account-11", "Account-1"):
        sandbox.issue(account)
        person.connect(account=account)
    assert BufferLink.objects.for_user(user).count() == 3


def test_a_lost_race_for_the_row_is_run_again(person):
    def be_faster(instance, **kwargs):
        pre_save.disconnect(be_faster, sender=BufferLink)
        columns = ("user_id", "account_key", "status", "expires_at")
        BufferLink.objects.bulk_create(
            [BufferLink(**{name: getattr(instance, name) for name in columns})]
        )

    pre_save.connect(be_faster, sender=BufferLink)
    assert person.connect().status_code == 303
    assert BufferLink.objects.get().is_active


@pytest.mark.django_db(transaction=True)
def test_two_callbacks_for_one_account_make_one_link(user, sandbox):
    people = [Person(sandbox, user) for _ in range(2)]
    queries = [person.decide(person.begin()) for person in people]
    responses = in_threads(
        lambda person, query: person.come_back(query), zip(people, queries, strict=True)
    )
    assert [response.status_code for response in responses] == [303, 303]
    assert sandbox.is_current(tokens_of(BufferLink.objects.get())[1])


@pytest.mark.django_db(transaction=True)
def test_twenty_callbacks_with_one_state_make_one_exchange(user, sandbox):
    person = Person(sandbox, user)
    query = person.decide(person.begin(next="/there/"))
    cookies = person.client.cookies
    copies = [Person(sandbox) for _ in range(20)]
    for copy in copies:
        copy.client.cookies = cookies.copy()
    responses = in_threads(lambda copy: copy.come_back(query), zip(copies))
    assert {response.status_code for response in responses} == {303}
    assert {response["Location"] for response in responses} <= {"/there/", "/buffer/"}
    assert len(sandbox.requests_to("token")) == 1
    assert sandbox.is_current(tokens_of(BufferLink.objects.get())[1])


def in_threads(act, arguments):
    """Run `act` for each of `arguments` at once; return what they return."""
    results = []
    arguments = list(arguments)
    start = threading.Barrier(len(arguments))

    def run(*given):
        start.wait()
        results.append(act(*given))
        connections.close_all()

    threads = [threading.Thread(target=run, args=given) for given in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
