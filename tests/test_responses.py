"""`error_response`: what a site's own API answers where this package raises."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser

from buffer_connect.client import BufferClient
from buffer_connect.exceptions import (
    AmbiguousLink,
    AuthorizationFailed,
    BufferAPIError,
    BufferUnavailable,
    LinkRevoked,
    MissingScope,
    MutationFailed,
    NotLinked,
    RateLimited,
    Tampered,
    TokenUnavailable,
)
from buffer_connect.models import BufferLink
from buffer_connect.responses import error_response
from tests.links import link_to
from tests.test_exceptions import through_json

pytestmark = pytest.mark.django_db

CONNECT = "http://testserver/buffer/connect/"
WHEN = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def respond(rf, user):
    """Answer an error to a script that `visitor` runs."""

    def respond(error, visitor=user, **headers):
        request = rf.get("/api/posts/", headers=headers)
        request.user = visitor
        return error_response(request, error)

    return respond


def document(response):
    return json.loads(response.content)


def test_without_a_link_it_says_where_to_connect(respond, user):
    response = respond(NotLinked(user))
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'BufferConnect realm="Buffer"'
    assert document(response) == {
        "error": "not_linked",
        "reason": None,
        "detail": "For this, connect a Buffer account first.",
        "connect_url": CONNECT,
    }


def test_an_ended_link_says_why_and_where_to_reconnect(respond, link):
    response = respond(LinkRevoked(link, "answer_lost"))
    told = document(response)
    assert (response.status_code, told["error"]) == (401, "link_revoked")
    assert told["reason"] == "answer_lost"
    assert told["connect_url"] == f"{CONNECT}?link={link.uid}"


def test_missing_scopes_are_forbidden_until_they_are_allowed(respond, link):
    response = respond(MissingScope(link, ["posts:write"]))
    told = document(response)
    assert (response.status_code, told["error"]) == (403, "missing_scope")
    assert told["connect_url"] == f"{CONNECT}?scope=posts%3Awrite&link={link.uid}"


def test_the_way_leads_back_to_the_page_and_not_to_the_api(respond, user):
    told = document(respond(NotLinked(user), Referer="http://testserver/posts/"))
    assert told["connect_url"] == f"{CONNECT}?next=http%3A%2F%2Ftestserver%2Fposts%2F"


def test_several_links_are_a_conflict(respond, link):
    response = respond(AmbiguousLink([link, link]))
    told = document(response)
    assert (response.status_code, told["error"]) == (409, "ambiguous_link")
    assert told["links_url"] == "http://testserver/buffer/"


@pytest.mark.parametrize(
    ("error", "status", "code", "pause"),
    [
        (RateLimited(29.2, "15m"), 429, "rate_limited", "30"),
        (RateLimited(None, None), 429, "rate_limited", None),
        (TokenUnavailable("", WHEN), 503, "token_unavailable", "Sun, 22 Nov 2026 12:00:00 GMT"),
        (TokenUnavailable(), 503, "token_unavailable", None),
        (BufferUnavailable("", 5), 503, "unavailable", "5"),
        (BufferUnavailable(), 503, "unavailable", None),
        (BufferAPIError([], None), 502, "api_error", None),
    ],
)
def test_what_passes_by_itself_says_when(respond, error, status, code, pause):
    response = respond(error)
    told = document(response)
    assert (response.status_code, response.headers.get("Retry-After")) == (status, pause)
    assert (told["error"], told["reason"]) == (code, None)
    assert told["detail"].endswith(".")


@pytest.mark.parametrize(
    ("seconds", "when"),
    [
        (None, "later"),
        (0.0, "in 1 minute"),
        (61.0, "in 2 minutes"),
        (5400.0, "in 1 hour, 30 minutes"),
        (20 * 86_400.0, "in 2 weeks, 6 days"),
    ],
)
def test_whom_a_rate_limit_stops_is_told_until_when(respond, seconds, when):
    detail = document(respond(RateLimited(seconds, None)))["detail"]
    assert detail.replace("\xa0", " ").endswith(f"Please try again {when}.")


def test_a_pause_beyond_reason_is_no_error(respond):
    assert "Please try again in" in document(respond(RateLimited(1e300, None)))["detail"]


def test_whom_a_pause_leaves_nothing_to_do_is_told_so(respond):
    detail = document(respond(TokenUnavailable()))["detail"]
    assert "tries by itself" in detail
    assert "you need not reconnect" in detail


def test_a_link_of_another_copy_of_the_site_promises_nothing(respond, link, instance):
    BufferLink.objects.update(instance="production")
    instance("staging")
    with pytest.raises(TokenUnavailable) as raised:
        BufferClient(link).execute("query { account { id } }")
    assert "another copy of this site" in document(respond(raised.value))["detail"]


def test_a_mutation_that_buffer_refused_says_why(respond):
    response = respond(MutationFailed("InvalidInputError", "A post needs a text", {}))
    assert response.status_code == 422
    assert document(response) == {
        "error": "mutation_failed",
        "reason": "InvalidInputError",
        "detail": "Buffer did not do this: A post needs a text",
    }


def test_no_cache_keeps_it(respond, user):
    assert "no-store" in respond(NotLinked(user))["Cache-Control"]
    assert "no-store" in respond(BufferUnavailable())["Cache-Control"]


@pytest.mark.parametrize("error", [Tampered(), AuthorizationFailed("access_denied"), ValueError()])
def test_what_no_caller_can_mend_passes(respond, error):
    assert respond(error) is None


def test_so_does_what_is_about_somebody_else(respond, link, other_user):
    errors = [
        NotLinked(link.user),
        LinkRevoked(link, "expired"),
        MissingScope(link, ["posts:write"]),
        AmbiguousLink([link]),
    ]
    assert [respond(error, visitor=other_user) for error in errors] == [None] * 4


def test_so_does_what_comes_out_of_a_celery_result_with_keys_for_rows(respond, link):
    errors = [
        NotLinked(link.user),
        LinkRevoked(link, "expired"),
        MissingScope(link, ["posts:write"]),
        AmbiguousLink([link]),
    ]
    assert [respond(through_json(error)) for error in errors] == [None] * 4


@pytest.mark.parametrize("visitor", [AnonymousUser(), None])
def test_and_so_does_what_is_about_nobody(respond, visitor):
    assert respond(NotLinked(AnonymousUser()), visitor=visitor) is None


def test_what_buffer_said_is_not_passed_on(respond):
    said = BufferAPIError([{"message": "internal words"}], {"account": SimpleNamespace()})
    assert "internal" not in respond(said).content.decode()
