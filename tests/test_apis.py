"""The recipes for APIs: Django REST framework's and django-ninja's answers are the same."""

import pytest

from buffer_connect.models import BufferLink
from tests.links import link_to
from tests.packages import need

need("rest_framework")
need("ninja")

pytestmark = [pytest.mark.django_db, pytest.mark.long, pytest.mark.urls("tests.api_urls")]

APIS = {"rest_framework": "/rest/posts/", "ninja": "/ninja/posts/"}
POST = {"channel": "channel-1", "text": "Hello"}
CONNECT = "http://testserver/buffer/connect/"


@pytest.fixture(params=APIS.values(), ids=APIS)
def post(request, person, settings):
    """Post through an API as its user."""
    handler = "docs.examples.rest_framework_api.exception_handler"
    settings.REST_FRAMEWORK = {"EXCEPTION_HANDLER": handler}
    client = person.client
    client.raise_request_exception = False
    return lambda body=POST: client.post(request.param, body, content_type="application/json")


@pytest.fixture
def link(sandbox, user):
    link = link_to(sandbox, user, scopes=["account:read", "posts:write", "offline_access"])
    allow(link, "account:read", "posts:write", "offline_access")
    return link


def allow(link, *scopes):
    BufferLink.objects.filter(pk=link.pk).update(granted_scopes=[*scopes])


def test_it_posts_as_its_user(post, link):
    response = post()
    assert (response.status_code, list(response.json())) == (200, ["id"])


def test_the_framework_still_judges_the_request(post, link):
    assert post({"text": "Hello"}).status_code in {400, 422}


def test_who_is_not_signed_in_gets_the_frameworks_answer(post, person):
    person.client.logout()
    assert post().status_code in {401, 403}
    assert "connect_url" not in post().json()


def test_a_user_without_a_link_is_sent_to_connect(post):
    response = post()
    assert (response.status_code, response.json()["error"]) == (401, "not_linked")
    assert response.json()["connect_url"] == CONNECT


def test_a_link_that_ended_at_buffer_is_to_be_reconnected(post, link, sandbox):
    sandbox.revoke_account("account-1")
    response = post()
    assert (response.status_code, response.json()["error"]) == (401, "link_revoked")
    assert response.json()["connect_url"] == f"{CONNECT}?link={link.uid}"


def test_a_link_without_the_scope_is_to_be_widened(post, link):
    allow(link, "account:read")
    response = post()
    assert (response.status_code, response.json()["error"]) == (403, "missing_scope")
    assert "scope=posts%3Awrite" in response.json()["connect_url"]


def test_two_links_are_a_conflict(post, link, sandbox, user):
    allow(link_to(sandbox, user, account="account-2"), "posts:write")
    assert post().status_code == 409


def test_a_rate_limit_is_passed_on_with_its_pause(post, link, sandbox):
    sandbox.fail_next("rate_limit", on="api", retry_after="7")
    response = post()
    assert (response.status_code, response["Retry-After"]) == (429, "7")


def test_an_outage_is_one_of_the_site_too(post, link, sandbox):
    sandbox.fail_next("error_before", on="api")
    assert post().status_code == 503


def test_an_error_of_buffers_api_is_a_bad_gateway(post, link, sandbox):
    sandbox.fail_next("graphql_error", on="api", code="UNEXPECTED")
    assert post().status_code == 502


def test_what_buffer_refuses_is_said_in_its_words(post, sandbox, user):
    allow(link_to(sandbox, user, scopes=["account:read"]), "posts:write")
    response = post()
    assert (response.status_code, response.json()["reason"]) == (422, "UnauthorizedError")
    assert response.json()["detail"].startswith("Buffer did not do this: ")


def test_what_only_the_operator_can_mend_is_a_server_error(post, link):
    BufferLink.objects.update(access_token=b"\x01\x05tests" + bytes(40))
    assert post().status_code == 500
