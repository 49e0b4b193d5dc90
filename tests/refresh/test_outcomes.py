"""The outcome table of the protocol, row by row: what each answer does to the link."""

from datetime import timedelta

import pytest

from buffer_connect import flows
from buffer_connect.models import BufferLink
from tests.links import age, held, key_of, link_to, make_due, tokens_of

SURELY_NOT_USED = [
    ("rate_limit", {"retry_after": ""}),
    ("oauth_error", {"error": "invalid_request"}),
    ("oauth_error", {"error": "invalid_scope"}),
    ("oauth_error", {"error": "unauthorized_client"}),
    ("oauth_error", {"error": "unsupported_grant_type"}),
    ("invalid_client", {}),
]
MISCONFIGURED = [
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
]
MAYBE_USED = [
    ("lose_answer", {}),
    ("error_before", {"status": 500}),
    ("error_after", {"status": 502}),
    ("error_after", {"status": 503, "error": "temporarily_unavailable"}),
    ("html", {"status": 200}),
    ("html", {"status": 403}),
    ("outage", {}),
    ("oauth_error", {"error": "invalid_target", "consume": True}),
    ("oauth_error", {"error": "never_heard_of"}),
    ("cut", {"size": 20}),
]


@pytest.mark.parametrize(("fault", "options"), SURELY_NOT_USED)
def test_what_was_surely_not_used_is_free_to_be_sent_again(sandbox, link, fault, options):
    sandbox.fail_next(fault, **options)
    flows.sweep()
    row = held(link)
    assert (row.is_active, row.sent_generation, row.failures) == (True, None, 1)
    assert row.next_attempt_at > row.database_now


@pytest.mark.parametrize(("fault", "options"), MAYBE_USED)
def test_what_may_have_been_used_stays_in_doubt(sandbox, link, fault, options):
    sandbox.fail_next(fault, **options)
    flows.sweep()
    row = held(link)
    assert (row.is_active, row.sent_generation, row.failures) == (True, 1, 1)
    assert row.lease_until <= row.database_now


def test_a_server_that_cannot_be_reached_has_used_nothing(sandbox, link):
    sandbox.stop()
    flows.sweep()
    assert held(link).sent_generation is None


def test_a_complete_error_of_the_endpoint_ends_the_request_in_doubt(sandbox, link):
    sandbox.fail_next("oauth_error", error="server_error", status=400)
    flows.sweep()
    assert held(link).sent_ended_at is not None


def test_a_gateways_error_does_not_end_the_request_in_doubt(sandbox, link):
    sandbox.fail_next("error_before", status=504, error="server_error")
    flows.sweep()
    assert held(link).sent_ended_at is None


def test_a_refused_token_ends_the_link(sandbox, link):
    sandbox.revoke_account("account-1")
    flows.sweep()
    row = held(link)
    assert (row.status, row.reason) == ("revoked", "revoked_at_buffer")
    assert (row.refresh_token, row.access_token) == (None, None)


@pytest.mark.parametrize("changes", [{"refresh_token": None}, {"refresh_token": "same"}])
def test_a_server_that_does_not_rotate_keeps_our_token(sandbox, link, changes):
    before = tokens_of(link)[1]
    given = {name: value and before for name, value in changes.items()}
    sandbox.fail_next("alter", changes=given)
    flows.sweep()
    assert held(link).generation == 2
    assert tokens_of(link)[1] == before


def test_a_refresh_token_without_an_access_token_is_kept(sandbox, link):
    access_token = tokens_of(link)[0]
    sandbox.fail_next("alter", changes={"access_token": None})
    flows.sweep()
    row = held(link)
    assert (row.generation, row.last_error) == (2, "no_access_token")
    assert tokens_of(link)[0] == access_token
    assert sandbox.is_current(tokens_of(link)[1])


def test_an_answer_cut_behind_the_refresh_token_is_salvaged(sandbox, link):
    access_token = tokens_of(link)[0]
    sandbox.fail_next("cut", size=-1)
    flows.sweep()
    assert sandbox.is_current(tokens_of(link)[1])
    assert tokens_of(link)[0] == access_token


def test_a_token_of_another_type_is_not_used(sandbox, link):
    access_token = tokens_of(link)[0]
    sandbox.fail_next("alter", changes={"token_type": "MAC"})
    flows.sweep()
    assert tokens_of(link)[0] == access_token


def test_scopes_that_buffer_took_away_are_no_longer_granted(sandbox, link):
    sandbox.fail_next("alter", changes={"scope": "account:read offline_access"})
    flows.sweep()
    assert held(link).granted_scopes == ["account:read", "offline_access"]


@pytest.mark.parametrize("error", MISCONFIGURED)
def test_what_the_site_has_to_correct_is_tried_again_after_a_quarter_of_an_hour(
    sandbox, link, error
):
    """Give or take 10 %, so that all do not come back together."""
    sandbox.fail_next("oauth_error", error=error)
    before = held(link).database_now
    flows.sweep()
    row = held(link)
    assert before + timedelta(minutes=13.5) <= row.next_attempt_at
    assert row.next_attempt_at <= row.database_now + timedelta(minutes=16.5)


def test_it_is_not_sent_before_and_refreshed_then(sandbox, link):
    sandbox.fail_next("oauth_error", error="invalid_request")
    flows.sweep()
    age(link, minutes=13)
    assert flows.sweep() == 0
    age(link, minutes=4)
    flows.sweep()
    assert (held(link).generation, len(sandbox.requests_to("token"))) == (2, 2)


@pytest.mark.parametrize("error", MISCONFIGURED)
def test_it_is_told_as_an_error_for_somebody_has_to_correct_it(sandbox, link, error, caplog):
    sandbox.fail_next("oauth_error", error=error)
    flows.sweep()
    (record,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert record.name == "buffer_connect.flows.refresh.settle"
    assert f"link={link.uid} error={error} " in record.message


@pytest.mark.parametrize("fault", ["rate_limit", "outage", "error_before"])
def test_what_passes_by_itself_is_not(sandbox, link, fault, caplog):
    sandbox.fail_next(fault)
    flows.sweep()
    assert {each.levelname for each in caplog.records if "refresh=" in each.message} == {"WARNING"}
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_retry_after_is_kept(sandbox, link):
    sandbox.fail_next("rate_limit", retry_after="120")
    flows.sweep()
    row = held(link)
    assert row.next_attempt_at - row.database_now > timedelta(seconds=118)


def tried_again(sandbox, link, fault, **passed):
    """Let a request meet `fault`, let time pass, and sweep again; return the row."""
    sandbox.fail_next(fault)
    flows.sweep()
    age(link, **passed)
    make_due(link)
    flows.sweep()
    return held(link)


def test_a_lost_answer_is_sent_again_when_nothing_is_left_to_lose(sandbox, link):
    row = tried_again(sandbox, link, "outage", hours=1)
    assert (row.generation, row.status) == (2, "active")


def test_an_api_key_of_the_account_has_nothing_to_lose(sandbox, link, other_user):
    key_of(sandbox, other_user)
    assert tried_again(sandbox, link, "outage", hours=1).generation == 2


def test_a_second_send_that_is_refused_is_our_loss(sandbox, link):
    row = tried_again(sandbox, link, "lose_answer", hours=1)
    assert (row.status, row.reason) == ("revoked", BufferLink.Reason.ANSWER_LOST)


def test_nothing_is_sent_again_before_the_quarantine_is_over(sandbox, link):
    sandbox.fail_next("lose_answer")
    flows.sweep()
    BufferLink.objects.update(expires_at=held(link).database_now, next_attempt_at=None)
    assert flows.sweep() == 0


def test_a_request_known_to_be_over_needs_no_quarantine(sandbox, link):
    sandbox.fail_next("oauth_error", error="server_error", status=400)
    flows.sweep()
    BufferLink.objects.update(expires_at=held(link).database_now, next_attempt_at=None)
    flows.sweep()
    assert held(link).generation == 2


def test_a_link_in_doubt_ends_rather_than_harm_its_sibling(sandbox, link, other_user):
    link_to(sandbox, other_user)
    row = tried_again(sandbox, link, "lose_answer", hours=3)
    assert row.reason == BufferLink.Reason.ANSWER_LOST
    assert len(sandbox.requests_to("token")) == 1
