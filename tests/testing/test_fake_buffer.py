"""The fake Buffer: what a site's tests can make of it, and that nothing of it stays."""

import json
from html import escape
from importlib.metadata import entry_points
from urllib.parse import quote

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import TestCase

from buffer_connect import signals
from buffer_connect.client import BufferClient
from buffer_connect.conf import conf
from buffer_connect.exceptions import (
    BufferUnavailable,
    LinkRevoked,
    MissingScope,
    MutationFailed,
    RateLimited,
    TokenUnavailable,
)
from buffer_connect.models import BufferLink
from buffer_connect.testing import fake_buffer
from buffer_connect.transport.process import WIRE
from tests.links import tokens_of
from tests.testing.example_site.views import CREATE_POST

QUERY = "query { account { id } }"
INPUT = {
    "channelId": "channel-1",
    "text": "Hello",
    "schedulingType": "automatic",
    "mode": "addToQueue",
}
POST = {"post": INPUT}


def endpoints(buffer):
    return [request.endpoint for request in buffer.requests]


def test_installing_the_package_registers_nothing_with_pytest():
    names = [each.value for each in entry_points(group="pytest11")]
    assert not [name for name in names if name.startswith("buffer_connect")]


def test_a_site_without_any_settings_has_those_of_the_tests(settings):
    del settings.BUFFER_CONNECT
    with pytest.raises(ImproperlyConfigured):
        conf.keyring  # noqa: B018
    with fake_buffer():
        assert conf.keyring
        assert conf.issuer == "https://auth.buffer.com"


def test_what_does_not_lead_to_buffer_stays_as_the_site_has_it(settings):
    ours = {"SCOPES": ["posts:read"], "ENDPOINTS": {"revocation": None}}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **ours}
    with fake_buffer():
        assert conf.scopes == ("posts:read", "account:read", "offline_access")
        assert conf.revocation_endpoint


def test_afterwards_everything_is_as_before():
    before = site.BUFFER_CONNECT
    with fake_buffer():
        pass
    assert site.BUFFER_CONNECT is before
    assert WIRE.stand_in is None


def test_a_link_is_as_after_a_connect(make_link, user):
    link = make_link(user)
    assert (link.status, link.account_id) == ("active", "account-1")
    assert str(link) == "Sandbox account 1"
    assert link.has_scopes(*conf.scopes)


def test_each_link_has_an_account_of_its_own(make_link, user):
    assert make_link(user).account_id != make_link(user).account_id


def test_an_account_that_a_person_has_connected_is_not_taken(buffer, client, user, other_user):
    client.force_login(user)
    client.get(buffer.authorize(client.post("/buffer/connect/").url))
    assert buffer.make_link(other_user).account_id == "account-2"


def test_a_link_can_be_to_a_certain_account(make_link, user, other_user):
    links = [make_link(each, account_id="shared") for each in (user, other_user)]
    assert [link.account_id for link in links] == ["shared", "shared"]


def test_the_scopes_of_a_link_can_be_chosen(make_link, user):
    link = make_link(user, scopes=["posts:read"])
    assert sorted(link.granted_scopes) == ["account:read", "offline_access", "posts:read"]
    with pytest.raises(MissingScope):
        BufferClient.for_user(user, scopes=["posts:write"])


@pytest.mark.long
@pytest.mark.parametrize("reason", BufferLink.Reason.values)
def test_a_link_can_have_ended_for_any_reason(make_link, user, reason):
    link = make_link(user, status="revoked", reason=reason)
    assert (link.status, link.reason) == ("revoked", reason)
    assert link.events.filter(kind="revoked", reason=reason).exists()


def test_a_link_can_have_been_disconnected(make_link, user):
    link = make_link(user, status="disconnected")
    assert (link.status, link.account_id) == ("disconnected", "")


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "cookie"}, {"status": "dead"}, {"status": "revoked", "reason": "boredom"}],
)
def test_an_unknown_end_is_refused(make_link, user, wrong):
    with pytest.raises(ValueError, match="is not a valid"):
        make_link(user, **wrong)
    assert not BufferLink.objects.exists()


def test_a_link_can_be_by_api_key(make_link, user):
    link = make_link(user, kind="api_key")
    assert (link.kind, link.status, link.granted_scopes) == ("api_key", "active", [])
    assert (link.account_id, link.expires_at) == ("account-1", None)
    assert BufferClient.for_user(user, scopes=["ideas:write"]).execute(QUERY)


def test_a_link_by_key_posts_as_its_user(buffer, make_link, user):
    link = make_link(user, kind="api_key")
    BufferClient(link).execute(CREATE_POST, variables=POST)
    assert [post.user for post in buffer.posts] == [user]
    assert [request.link for request in buffer.requests] == [link]


def test_a_key_that_its_owner_deleted_ends_its_link_with_the_next_call(buffer, make_link, user):
    link = make_link(user, kind="api_key")
    buffer.revoke(link)
    with pytest.raises(LinkRevoked, match="unauthorized"):
        BufferClient(link).execute(QUERY)


def test_a_link_by_key_can_have_ended(make_link, user):
    link = make_link(user, kind="api_key", status="revoked")
    assert (link.status, link.reason) == ("revoked", "unauthorized")


def test_a_link_by_key_can_have_been_disconnected(make_link, user):
    assert make_link(user, kind="api_key", status="disconnected").status == "disconnected"


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"expires_in": 0}, {"status": "revoked", "reason": "expired"}]
)
def test_what_a_key_never_has_is_refused(make_link, user, wrong):
    with pytest.raises(ValueError, match="API key"):
        make_link(user, kind="api_key", **wrong)
    assert not BufferLink.objects.exists()


def test_a_made_key_can_be_pasted(buffer, settings, client, user):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ALLOW_API_KEYS": True}
    client.force_login(user)
    client.post("/buffer/api-key/", {"key": buffer.make_key()})
    assert BufferLink.objects.get(kind="api_key").account_id == "account-1"


def test_a_made_key_has_an_account_of_its_own(buffer, make_link, user):
    buffer.make_key()
    assert make_link(user).account_id == "account-2"


def test_the_signals_go_out_as_in_life(make_link, user, heard):
    connected, revoked = heard(signals.link_connected), heard(signals.link_revoked)
    link = make_link(user, status="revoked")
    assert [call["link"] for call in connected + revoked] == [link, link]


def test_an_access_token_that_is_over_is_refreshed_with_the_next_call(buffer, make_link, user):
    BufferClient(make_link(user, expires_in=0)).execute(QUERY)
    assert endpoints(buffer) == ["token", "api"]


def test_a_post_is_told_with_its_user_and_all_that_it_says(buffer, make_link, user, other_user):
    make_link(user)
    link = make_link(other_user)
    BufferClient(link).execute(CREATE_POST, variables=POST)
    (post,) = buffer.posts
    assert (post.user, post.link, post.channel_id) == (other_user, link, "channel-1")
    assert post.given == INPUT


def test_a_request_is_told_with_its_link_and_answer(buffer, make_link, user):
    link = make_link(user)
    BufferClient(link).execute(CREATE_POST, variables=POST)
    (request,) = buffer.requests
    assert (request.endpoint, request.link, request.status) == ("api", link, 200)
    assert (request.query, request.variables) == (CREATE_POST, POST)


def test_a_request_without_an_answer_has_no_status(buffer, make_link, user):
    buffer.lose_next_answer()
    with pytest.raises(BufferUnavailable):
        BufferClient(make_link(user)).execute(QUERY)
    assert [request.status for request in buffer.requests] == [None]


def test_no_token_is_in_what_is_told(buffer, make_link, user):
    BufferClient(make_link(user, expires_in=0)).execute(CREATE_POST, variables=POST)
    buffer.assert_no_secrets(f"{buffer.requests} {buffer.posts}")


def test_a_removed_permission_ends_the_link_with_the_next_call(buffer, make_link, user):
    link = make_link(user)
    buffer.revoke(link)
    with pytest.raises(LinkRevoked):
        BufferClient(link).execute(QUERY)
    link.refresh_from_db()
    assert link.reason == "revoked_at_buffer"


def test_a_link_that_has_ended_has_no_permission_left(buffer, make_link, user):
    link = make_link(user, status="revoked")
    with pytest.raises(ValueError, match="ended"):
        buffer.revoke(link)


def test_a_link_from_elsewhere_is_not_this_buffers(buffer, user):
    token = {"access_token": "an-access-token", "refresh_token": None, "expires_in": 60}
    link = BufferLink.objects.adopt(user=user, account_id="account-1", scopes=[], **token)
    with pytest.raises(ValueError, match="make_link"):
        buffer.revoke(link)


def test_in_an_outage_nothing_arrives_and_no_link_ends(buffer, make_link, user):
    link = make_link(user, expires_in=0)
    with buffer.outage(), pytest.raises(TokenUnavailable):
        BufferClient(link).execute(QUERY)
    link.refresh_from_db()
    assert (buffer.requests, link.status) == ([], "active")


def test_after_an_outage_all_is_well(buffer, make_link, user):
    client = BufferClient(make_link(user))
    with buffer.outage(), pytest.raises(BufferUnavailable):
        client.execute(QUERY)
    assert client.execute(QUERY)


def test_a_rate_limit_ends_with_its_block(buffer, make_link, user):
    client = BufferClient(make_link(user))
    with buffer.rate_limit(retry_after=17, window="24h"), pytest.raises(RateLimited) as raised:
        client.execute(QUERY)
    assert (raised.value.retry_after, raised.value.window) == (17, "24h")
    assert client.execute(QUERY)


def test_mutations_are_refused_within_the_block_only(buffer, make_link, user):
    client = BufferClient(make_link(user))
    with buffer.refuse_mutations("LimitReachedError"), pytest.raises(MutationFailed) as raised:
        client.execute(CREATE_POST, variables=POST)
    assert (raised.value.type, buffer.posts) == ("LimitReachedError", [])
    assert client.execute(CREATE_POST, variables=POST)


def test_the_answer_to_a_refresh_can_be_lost(buffer, make_link, user):
    link = make_link(user, expires_in=0)
    buffer.lose_next_answer(on="token")
    with pytest.raises(TokenUnavailable):
        BufferClient(link).execute(QUERY)
    assert endpoints(buffer) == ["token"]


def test_a_person_can_decline(buffer, client, user):
    client.force_login(user)
    address = client.post("/buffer/connect/").url
    client.get(buffer.authorize(address, deny=True))
    assert not BufferLink.objects.exists()


def test_a_person_can_leave_scopes_out(buffer, client, user):
    client.force_login(user)
    address = client.post("/buffer/connect/").url
    client.get(buffer.authorize(address, account_id="mine", scopes=["account:read"]))
    assert BufferLink.objects.get(account_id="mine").granted_scopes == ["account:read"]


def test_a_link_that_a_person_made_is_known_by_its_posts(buffer, client, user):
    client.force_login(user)
    client.get(buffer.authorize(client.post("/buffer/connect/").url))
    BufferClient.for_user(user).execute(CREATE_POST, variables=POST)
    assert [post.user for post in buffer.posts] == [user]


@pytest.mark.parametrize(
    "written",
    [
        str,
        str.encode,
        lambda token: quote(token, safe=""),
        escape,
        json.dumps,
    ],
    ids=["as it is", "bytes", "address", "html", "json"],
)
def test_a_token_is_found_however_it_is_written(buffer, make_link, user, written):
    _, refresh_token = tokens_of(make_link(user))
    with pytest.raises(AssertionError, match=r"^The text holds a refresh token\.$"):
        buffer.assert_no_secrets(written(refresh_token))


@pytest.mark.parametrize("name", ["code", "code_verifier", "client_secret"])
def test_what_a_token_request_holds_is_secret(buffer, client, user, name):
    client.force_login(user)
    client.get(buffer.authorize(client.post("/buffer/connect/").url))
    (exchange,) = (each for each in buffer._sandbox.requests if each.endpoint == "token")
    with pytest.raises(AssertionError, match=name):
        buffer.assert_no_secrets(exchange.form[name][0])


def test_an_api_key_is_secret(buffer, make_link, user):
    link = make_link(user, kind="api_key")
    BufferClient(link).execute(QUERY)
    with pytest.raises(AssertionError, match=r"^The text holds an API key\.$"):
        buffer.assert_no_secrets(tokens_of(link)[0])


def test_a_key_is_secret(buffer):
    with pytest.raises(AssertionError, match="an encryption key"):
        buffer.assert_no_secrets(repr(site.BUFFER_CONNECT))


def test_a_harmless_text_passes(buffer, make_link, user):
    buffer.assert_no_secrets(f"{make_link(user)!r} {user}")


def test_without_a_surrounding_transaction_threads_do_the_work(
    transactional_db, buffer, make_link, user
):
    BufferClient(make_link(user, expires_in=0)).execute(QUERY)
    assert endpoints(buffer) == ["token", "api"]


def test_what_runs_beside_the_test_has_ended_with_the_block(transactional_db, user):
    with fake_buffer() as buffer:
        link = buffer.make_link(user)
        BufferClient(link).execute(QUERY)
    link.refresh_from_db()
    assert link.last_used_at is not None


class TestOfASite(TestCase):
    """Django's own TestCase, in whose transaction a site's tests run."""

    def setUp(self):
        self.buffer = self.enterContext(fake_buffer())
        self.user = get_user_model().objects.create_user("member")
        self.told = []
        signals.link_refreshed.connect(self.hear)
        self.addCleanup(signals.link_refreshed.disconnect, self.hear)

    def hear(self, link, **facts):
        self.told.append(link)

    def test_a_refresh_is_told(self):
        link = self.buffer.make_link(self.user, expires_in=0)
        BufferClient(link).execute(QUERY)
        assert self.told == [link]

    def test_inside_atomic_a_link_can_be_made_and_used(self):
        with self.captureOnCommitCallbacks(execute=True), transaction.atomic():
            link = self.buffer.make_link(self.user)
            BufferClient(link).execute(CREATE_POST, variables=POST)
        assert [post.user for post in self.buffer.posts] == [self.user]
