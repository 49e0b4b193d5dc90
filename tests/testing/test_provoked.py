"""Every exception that this package raises, provoked with what a site's tests have."""

import pytest

from buffer_connect import exceptions
from buffer_connect.client import BufferClient
from buffer_connect.models import BufferLink
from buffer_connect.sealing import generate_entry
from tests.testing.example_site.views import CREATE_POST

QUERY = "query { account { id } }"
POST = {"channelId": "a-channel", "text": "", "schedulingType": "automatic", "mode": "addToQueue"}


@pytest.fixture
def user(django_user_model, client):
    user = django_user_model.objects.create_user("member")
    client.force_login(user)
    return user


@pytest.fixture
def link(user, make_link):
    return make_link(user)


def without_a_link(user, buffer, **_):
    BufferClient.for_user(user)


def with_two_links(user, buffer, link, **_):
    buffer.make_link(user)
    BufferClient.for_user(user)


def without_the_scope(user, buffer, link, **_):
    BufferClient.for_user(user, scopes=["ideas:read"])


def after_the_user_left(link, buffer, **_):
    buffer.revoke(link)
    BufferClient(link).execute(QUERY)


def while_no_refresh_gets_through(user, buffer, **_):
    link = buffer.make_link(user, expires_in=0)
    with buffer.outage():
        BufferClient(link).get_access_token()


def while_the_api_is_away(link, buffer, **_):
    with buffer.outage():
        BufferClient(link).execute(QUERY)


def at_the_rate_limit(link, buffer, **_):
    with buffer.rate_limit():
        BufferClient(link).execute(QUERY)


def with_a_key_that_is_none(monkeypatch, buffer, **_):
    monkeypatch.setenv("BUFFER_API_KEY", "no-key-of-this-buffer")
    BufferClient.from_environment().execute(QUERY)


def with_a_field_that_is_none(link, **_):
    BufferClient(link).execute("query { nothing }")


def with_a_post_that_is_refused(link, buffer, **_):
    with buffer.refuse_mutations("InvalidInputError"):
        BufferClient(link).execute(CREATE_POST, variables={"post": POST})


def without_the_key(link, settings, **_):
    keys = {"ENCRYPTION_KEYS": [generate_entry("another")]}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **keys}
    BufferClient(link).get_access_token()


def with_the_token_of_another_row(user, link, buffer, **_):
    other = BufferLink.objects.get(pk=buffer.make_link(user).pk)
    BufferLink.objects.filter(pk=link.pk).update(access_token=other.access_token)
    BufferClient(link).get_access_token()


def with_a_format_of_tomorrow(link, **_):
    held = BufferLink.objects.get(pk=link.pk)
    later = b"\x63" + bytes(held.access_token)[1:]
    BufferLink.objects.filter(pk=link.pk).update(access_token=later)
    BufferClient(link).get_access_token()


WAYS = {
    without_a_link: exceptions.NotLinked,
    with_two_links: exceptions.AmbiguousLink,
    without_the_scope: exceptions.MissingScope,
    after_the_user_left: exceptions.LinkRevoked,
    while_no_refresh_gets_through: exceptions.TokenUnavailable,
    while_the_api_is_away: exceptions.BufferUnavailable,
    at_the_rate_limit: exceptions.RateLimited,
    with_a_key_that_is_none: exceptions.APIKeyRefused,
    with_a_field_that_is_none: exceptions.BufferAPIError,
    with_a_post_that_is_refused: exceptions.MutationFailed,
    without_the_key: exceptions.KeyUnavailable,
    with_the_token_of_another_row: exceptions.Tampered,
    with_a_format_of_tomorrow: exceptions.UnknownVersion,
}
# Told to the person on the page, never raised through a public function.
ON_THE_PAGE = {exceptions.AuthorizationFailed}


@pytest.mark.long
@pytest.mark.parametrize(("provoke", "error"), WAYS.items(), ids=[way.__name__ for way in WAYS])
def test_an_error_can_be_provoked(provoke, error, request):
    names = provoke.__code__.co_varnames[: provoke.__code__.co_argcount]
    given = {name: request.getfixturevalue(name) for name in ("buffer", *names)}
    with pytest.raises(error) as raised:
        provoke(**given)
    assert type(raised.value) is error


def test_a_refused_authorization_is_told_on_the_page(client, user, buffer):
    way_back = buffer.authorize(client.post("/buffer/connect/").url, deny=True)
    assert b"You did not allow access" in client.get(way_back, follow=True).content


def test_no_error_is_left_out():
    raised = {
        error
        for error in vars(exceptions).values()
        if isinstance(error, type) and error.__module__ == exceptions.__name__
    }
    kinds = {exceptions.BufferConnectError, exceptions.DecryptionFailed}
    assert raised - kinds == {*WAYS.values(), *ON_THE_PAGE}
