"""U2 and its page: a link that the API refused is tried again, when somebody asks."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from buffer_connect import flows, signals
from buffer_connect.exceptions import (
    BufferUnavailable,
    DecryptionFailed,
    LinkRevoked,
    RateLimited,
    TokenUnavailable,
)
from buffer_connect.flows.check import check_again
from buffer_connect.models import BufferLink, LinkEvent, statements
from tests.links import age, held, link_to, tokens_of
from tests.people import LINKS, Person

pytestmark = pytest.mark.django_db
on_threads = pytest.mark.django_db(transaction=True)

OTHER_KEY = ["other:d9yVMvLhT4PwTSlI7cZ0OHOSIbB5WZPY2ZDUQCfCcXk="]


def refused(link, **columns):
    """Let the API have refused `link`, as U1 writes it."""
    columns = {"rejected_generation": 1, "forced_at": timezone.now(), **columns}
    BufferLink.objects.filter(pk=link.pk).update(status="revoked", reason="unauthorized", **columns)
    return held(link)


@pytest.fixture
def link(sandbox, user):
    return refused(link_to(sandbox, user))


def check_page(link):
    return f"{LINKS}{link.uid}/check/"


def standing(link):
    link = held(link)
    return link.status, link.reason


def test_a_link_that_the_api_accepts_again_is_active(link):
    checked = check_again(link)
    assert (checked.status, checked.reason) == ("active", "")
    assert (checked.rejected_generation, checked.forced_at) == (None, None)
    assert checked.refresh_due_at <= checked.database_now


def test_its_tokens_stay_and_are_used_again(link, sandbox):
    before = tokens_of(link)
    check_again(link)
    assert tokens_of(link) == before
    assert [request.path for request in sandbox.requests] == ["/api"]


def test_the_next_sweep_refreshes_it(link):
    check_again(link)
    flows.sweep()
    assert held(link).generation == 2


def test_the_site_is_told_that_it_is_back(link, heard):
    calls = heard(signals.link_connected)
    check_again(link)
    event = LinkEvent.objects.get()
    assert (event.kind, event.generation) == ("restored", 1)
    assert event.announced_at is not None
    assert [(call["created"], call["event_id"]) for call in calls] == [(False, event.uid)]


@pytest.mark.parametrize("status", [401, 200])
def test_a_link_that_the_api_still_refuses_stays_as_it_is(link, sandbox, status):
    sandbox.fail_next("graphql_error", on="api", status=status)
    assert not check_again(link).is_active
    assert standing(link) == ("revoked", "unauthorized")
    assert not LinkEvent.objects.exists()


def test_an_error_beside_the_account_does_not_matter(link, sandbox):
    errors = [{"message": "part of it", "extensions": {"code": "UNEXPECTED"}}]
    sandbox.fail_next("alter", on="api", changes={"errors": errors})
    assert check_again(link).is_active


def test_an_error_without_an_account_proves_nothing(link, sandbox):
    sandbox.fail_next("graphql_error", on="api", code="FORBIDDEN")
    assert not check_again(link).is_active


@pytest.mark.parametrize(
    ("fault", "error"),
    [("error_before", BufferUnavailable), ("rate_limit", RateLimited), ("html", BufferUnavailable)],
)
def test_an_api_that_does_not_answer_is_said_and_changes_nothing(link, sandbox, fault, error):
    sandbox.fail_next(fault, on="api")
    with pytest.raises(error):
        check_again(link)
    assert standing(link) == ("revoked", "unauthorized")


def test_a_link_whose_access_token_has_ended_is_refreshed(link, sandbox):
    age(link, hours=2)
    checked = check_again(link)
    assert (checked.status, checked.generation) == ("active", 2)
    assert [request.path for request in sandbox.requests] == ["/token"]


def test_that_refresh_may_end_it_for_another_reason(link, sandbox, heard):
    age(link, hours=2)
    sandbox.revoke_account("account-1")
    back, ended = heard(signals.link_connected), heard(signals.link_revoked)
    assert not check_again(link).is_active
    assert standing(link) == ("revoked", "revoked_at_buffer")
    assert (len(back), len(ended)) == (1, 1)


def test_that_refresh_may_have_to_wait(link, sandbox):
    age(link, hours=2)
    sandbox.fail_next("error_before", on="token")
    checked = check_again(link)
    assert (checked.status, checked.failures) == ("active", 1)


def test_an_ended_link_without_a_refresh_token_has_no_way_back(sandbox, user):
    link = refused(link_to(sandbox, user, refreshable=False))
    age(link, hours=2)
    assert not check_again(link).is_active
    assert sandbox.requests == []


def test_a_link_that_is_never_refreshed_stays_so(sandbox, user):
    link = refused(link_to(sandbox, user, refreshable=False))
    checked = check_again(link)
    assert (checked.status, checked.refresh_due_at) == ("active", None)


@pytest.mark.parametrize("status", ["active", "revoked", "disconnected"])
def test_any_other_link_is_left_alone(sandbox, user, status):
    link = link_to(sandbox, user)
    nothing = {} if status == "active" else {"refresh_token": None, "access_token": None}
    BufferLink.objects.update(status=status, **nothing)
    assert check_again(link).status == status
    assert sandbox.requests == []


def test_a_link_that_was_renewed_meanwhile_is_not_touched(link, sandbox, user):
    link_to(sandbox, user)
    held_before = {"pk": link.pk, "epoch": link.epoch, "generation": link.generation}
    assert statements.restore(**held_before) == 0


def test_a_link_that_ended_otherwise_is_not_restored(link):
    BufferLink.objects.update(reason="expired", refresh_token=None, access_token=None)
    assert statements.restore(pk=link.pk, epoch=link.epoch, generation=1) == 0


def test_a_link_that_is_gone_has_ended(link):
    BufferLink.objects.filter(pk=link.pk)._raw_delete("default")
    with pytest.raises(LinkRevoked):
        check_again(link)


@pytest.mark.parametrize("passed", [timedelta(0), timedelta(hours=2)])
def test_a_key_that_is_missing_is_said_and_changes_nothing(link, settings, passed):
    age(link, seconds=passed.total_seconds())
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENCRYPTION_KEYS": OTHER_KEY}
    with pytest.raises(DecryptionFailed):
        check_again(link)
    assert standing(link) == ("revoked", "unauthorized")


@pytest.mark.long
@on_threads
def test_a_caller_waits_no_longer_than_callers_do(link, sandbox, settings):
    timing = {"CALL_WAIT": timedelta(seconds=0.2)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    sandbox.fail_next("slow", on="api", seconds=0.5)
    with pytest.raises((TokenUnavailable, BufferUnavailable)):
        check_again(link)
    assert standing(link) == ("revoked", "unauthorized")


def check_elsewhere(link):
    try:
        return check_again(link)
    finally:
        connection.close()


@pytest.mark.long
@on_threads
def test_two_who_ask_at_once_bring_it_back_once(link, sandbox):
    sandbox.fail_next("slow", on="api", seconds=0.2)
    with ThreadPoolExecutor(2) as pool:
        checked = list(pool.map(check_elsewhere, [link, link]))
    assert [each.is_active for each in checked] == [True, True]
    assert LinkEvent.objects.count() == 1


def test_the_button_brings_the_link_back(person, link):
    response = person.client.post(check_page(link))
    assert (response.status_code, response["Location"]) == (303, LINKS)
    assert "Buffer accepts" in person.links_page()
    assert held(link).is_active


def test_the_links_page_offers_the_button_for_such_a_link_only(person, link, sandbox, user):
    other = link_to(sandbox, user, account="account-2")
    page = person.links_page()
    assert f'action="{check_page(link)}"' in page
    assert check_page(other) not in page


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "options", "words"),
    [
        ("graphql_error", {"status": 401}, "Buffer does not accept the connection"),
        ("outage", {}, "Buffer did not say"),
        ("rate_limit", {}, "Buffer did not say"),
    ],
)
def test_the_page_says_what_came_of_it(person, link, fault, options, words):
    person.sandbox.fail_next(fault, on="api", **options)
    person.client.post(check_page(link))
    assert words in person.links_page()


def test_the_page_says_that_the_site_is_at_fault(person, link, settings, caplog):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENCRYPTION_KEYS": OTHER_KEY}
    person.client.post(check_page(link))
    assert "cannot be checked here" in person.links_page()
    assert "KeyUnavailable" in caplog.text


def test_a_second_press_says_that_it_is_back(person, link):
    for _ in range(2):
        person.client.post(check_page(link))
    assert "Buffer accepts" in person.links_page()
    assert LinkEvent.objects.count() == 1


def test_somebody_elses_link_is_not_found(sandbox, other_user, link):
    response = Person(sandbox, other_user).client.post(check_page(link))
    assert response.status_code == 404
    assert standing(link) == ("revoked", "unauthorized")


def test_a_link_is_checked_by_post_only(person, link):
    assert person.client.get(check_page(link)).status_code == 405


def test_nobody_is_checked_for_who_is_signed_out(link):
    response = Client().post(check_page(link))
    assert response.status_code == 302
    assert standing(link) == ("revoked", "unauthorized")


def test_the_form_is_protected_against_forgery(sandbox, user, link):
    client = Person(sandbox, user, enforce_csrf_checks=True).client
    assert client.post(check_page(link)).status_code == 403
