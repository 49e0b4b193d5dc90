"""Missing and wrong keys, and values that were moved: the links wait, and go on where they were."""

import pytest

from buffer_connect import flows
from buffer_connect.models import BufferLink
from tests.keys import NEW, OLD, hold, other_key, rotate
from tests.links import age, held, link_to, make_due
from tests.refresh.steps import is_refreshed, requests_to


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def another(sandbox, other_user):
    return link_to(sandbox, other_user, account="account-2")


def change(link, **columns):
    BufferLink.objects.filter(pk=link.pk).update(**columns)


def is_blocked(sandbox, link, error):
    """Whether neither the sweep nor the command does anything but say so."""
    make_due(link)
    before = tokens(link)
    flows.sweep()
    row = held(link)
    told = (row.is_active, row.last_error, requests_to(sandbox), tokens(link))
    return told == (True, error, 0, before) and rotate()[0] == 1 and tokens(link) == before


def tokens(link):
    row = held(link)
    return bytes(row.refresh_token), bytes(row.access_token), row.refresh_token_digest


def is_healed(sandbox, link):
    """Whether the next look finds all well."""
    age(link, minutes=5)
    flows.sweep()
    return is_refreshed(sandbox, link)


def test_a_link_whose_key_is_missing_waits_for_it(sandbox, link, settings):
    hold(settings, NEW)
    assert is_blocked(sandbox, link, "KeyUnavailable")
    hold(settings, NEW, OLD)
    assert is_healed(sandbox, link)


def test_a_link_whose_key_is_another_under_the_same_id_waits_for_it(sandbox, link, settings):
    hold(settings, NEW, other_key(OLD))
    assert is_blocked(sandbox, link, "Tampered")
    hold(settings, NEW, OLD)
    assert is_healed(sandbox, link)


def test_halfway_only_the_links_that_need_the_missing_key_wait(sandbox, link, another, settings):
    hold(settings, NEW, OLD)
    make_due(another)
    flows.sweep()
    hold(settings, NEW)
    for each in (link, another):
        make_due(each)
    flows.sweep()
    assert (held(link).last_error, held(another).generation) == ("KeyUnavailable", 3)
    hold(settings, NEW, OLD)
    assert is_healed(sandbox, link)


def test_tokens_that_changed_places_are_sent_for_nobody(sandbox, link, another, settings):
    first, second = held(link), held(another)
    change(link, refresh_token=second.refresh_token, access_token=second.access_token)
    change(another, refresh_token=first.refresh_token, access_token=first.access_token)
    hold(settings, NEW, OLD)
    assert is_blocked(sandbox, link, "Tampered")
    assert is_blocked(sandbox, another, "Tampered")
    change(link, refresh_token=first.refresh_token, access_token=first.access_token)
    change(another, refresh_token=second.refresh_token, access_token=second.access_token)
    assert is_healed(sandbox, link)
    assert is_healed(sandbox, another)


def test_a_token_that_was_put_back_is_not_made_to_fit(sandbox, link, settings):
    used = held(link)
    make_due(link)
    flows.sweep()
    change(link, refresh_token=used.refresh_token)
    make_due(link)
    hold(settings, NEW, OLD)
    flows.sweep()
    assert (rotate()[0], requests_to(sandbox), held(link).last_error) == (1, 1, "DigestMismatch")


def test_a_token_that_two_rows_hold_is_found_while_one_is_under_the_old_key(
    sandbox, link, other_user, settings
):
    twin = link_to(sandbox, other_user, account="account-2")
    change(twin, refresh_token_digest=held(link).refresh_token_digest)
    change(twin, status="revoked", refresh_token=None, access_token=None)
    hold(settings, NEW, OLD)
    rotate()
    sandbox.revoke_account("account-1")
    make_due(link)
    flows.sweep()
    assert held(link).reason == BufferLink.Reason.REFRESH_TOKEN_REUSED
