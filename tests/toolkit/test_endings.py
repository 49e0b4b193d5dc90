"""How a link ends at an authorization server that is not ours, and what does not end it."""

import pytest

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import LinkRevoked
from buffer_connect.graphql import ACCOUNT_QUERY
from buffer_connect.models import BufferLink
from buffer_connect.signals import link_revoked
from tests.links import age, held, make_due, tokens_of
from tests.toolkit.clients import CONFIDENTIAL

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def link(person):
    person.connect()
    return BufferLink.objects.get()


def used_elsewhere(toolkit, client, refresh_token):
    """Somebody who has the token and the client's secret uses it."""
    credentials = {name.lower(): value for name, value in client.items() if value}
    return toolkit.ask_for_token(
        grant_type="refresh_token", refresh_token=refresh_token, **credentials
    )


def ended(link):
    link = held(link)
    return link.status, link.reason, link.access_token, link.refresh_token


def test_an_old_token_used_again_ends_the_grant_and_the_link(person, client_kind, toolkit, heard):
    calls = heard(link_revoked)
    person.connect()
    link = BufferLink.objects.get()
    _, old = tokens_of(link)
    make_due(link)
    flows.sweep()
    answer = used_elsewhere(toolkit, client_kind, old)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert toolkit.grants == {(2, 0): 1}
    make_due(link)
    flows.sweep()
    # The server names no cause, so none is claimed: the reason's text names both.
    assert ended(link) == ("revoked", "revoked_at_buffer", None, None)
    assert [(call["link"].pk, call["reason"]) for call in calls] == [(link.pk, "revoked_at_buffer")]


def test_the_token_held_used_by_another_first_ends_the_link(link, toolkit):
    thief = used_elsewhere(toolkit, CONFIDENTIAL, tokens_of(link)[1])
    assert thief.status_code == 200
    make_due(link)
    flows.sweep()
    assert ended(link) == ("revoked", "revoked_at_buffer", None, None)
    assert not toolkit.accepts(thief.json()["access_token"])
    assert toolkit.grants == {(2, 0): 1}


def test_what_the_user_took_back_ends_at_the_next_call(link, toolkit, heard):
    calls = heard(link_revoked)
    toolkit.disallow()
    with pytest.raises(LinkRevoked) as caught:
        BufferClient(link).execute(ACCOUNT_QUERY)
    assert caught.value.reason == "revoked_at_buffer"
    assert ended(link) == ("revoked", "revoked_at_buffer", None, None)
    assert [call["reason"] for call in calls] == ["revoked_at_buffer"]
    assert toolkit.requests[-1]["form"]["grant_type"] == ["refresh_token"]


def test_a_wrong_secret_ends_nothing(person, toolkit, change):
    for number in range(3):
        person.connect(account=f"account-{number}")
    links = list(BufferLink.objects.all())
    change(CLIENT_SECRET="not-the-secret")
    for link in links:
        make_due(link)
    flows.sweep()
    refused = len(toolkit.requests)
    for link in links:
        age(link, minutes=5)
    flows.sweep()
    assert len(toolkit.requests) == refused > 3
    assert {held(link).status for link in links} == {"active"}
    assert toolkit.grants == {(1, 1): 3}


def test_a_corrected_secret_goes_on_with_the_same_token(link, toolkit, change):
    make_due(link)
    change(CLIENT_SECRET="not-the-secret")
    flows.sweep()
    change(**CONFIDENTIAL)
    age(link, minutes=5)
    flows.sweep()
    assert (held(link).status, held(link).generation) == ("active", 2)
    assert toolkit.grants == {(2, 1): 1}
