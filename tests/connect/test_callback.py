"""The callback: whose response is taken, once, and what the others are answered."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.db.models import F
from django.test import Client

from buffer_connect.models import AuthorizationRequest, BufferLink
from tests.people import CALLBACK, Person

pytestmark = pytest.mark.django_db

STATE = "s" * 43


@pytest.fixture
def query(person):
    """A good response that has not come back yet."""
    return person.decide(person.begin())


def exchanges(sandbox):
    return len(sandbox.requests_to("token"))


def is_untouched(sandbox):
    request = AuthorizationRequest.objects.get()
    return request.consumed_at is None and not exchanges(sandbox)


def changed(query, **values):
    kept = {name: value for name, value in {**query, **values}.items() if value is not None}
    return urlencode(kept, doseq=True)


@pytest.mark.long
@pytest.mark.parametrize(
    "shape",
    [
        {"state": None},
        {"state": ""},
        {"state": "s" * 42},
        {"state": "s" * 44},
        {"state": "s" * 42 + "!"},
        {"state": "s" * 1_000_000},
        {"state": [STATE, STATE]},
        {"code": ["one", "two"]},
        {"iss": ["http://one.test", "http://two.test"]},
        {"error": ["access_denied", "server_error"]},
        {"code": "c" * 4097},
        {"error": "e" * 201},
    ],
    ids=lambda shape: f"{next(iter(shape))}-{str(next(iter(shape.values())))[:12]}",
)
def test_a_wrong_shape_is_answered_in_place_without_a_query(
    person, sandbox, query, shape, django_assert_num_queries
):
    with django_assert_num_queries(0):
        response = person.come_back(changed(query, **shape))
    assert response.status_code == 400
    assert is_untouched(sandbox)


@pytest.mark.parametrize("method", ["head", "post", "put", "delete", "options"])
def test_only_get_is_answered(person, sandbox, query, method):
    response = getattr(person.client, method)(f"{CALLBACK}?{urlencode(query)}")
    assert response.status_code == 405
    assert is_untouched(sandbox)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
    ],
)
def test_a_prefetch_takes_nothing(person, sandbox, query, headers):
    response = person.come_back(query, headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    assert is_untouched(sandbox)


def test_who_is_signed_out_is_told_in_place(person, sandbox, query):
    person.client.logout()
    response = person.come_back(query)
    assert response.status_code == 403
    assert "Location" not in response
    assert is_untouched(sandbox)


def test_another_user_is_told_in_place(sandbox, query, other_user):
    response = Person(sandbox, other_user).come_back(query)
    assert response.status_code == 403
    assert is_untouched(sandbox)


def test_another_user_in_the_same_browser_is_told_in_place(person, sandbox, query, other_user):
    person.client.force_login(other_user)
    assert person.come_back(query).status_code == 403
    assert is_untouched(sandbox)


def test_the_rightful_user_can_still_finish_after_a_403(person, sandbox, query, other_user):
    Person(sandbox, other_user).come_back(query)
    assert person.come_back(query).status_code == 303


@pytest.mark.parametrize(
    "backend",
    [
        "django.contrib.auth.backends.ModelBackend",
        "django.contrib.auth.backends.AllowAllUsersModelBackend",
    ],
)
def test_a_disabled_user_is_refused(sandbox, user, settings, backend):
    settings.AUTHENTICATION_BACKENDS = [backend]
    person = Person(sandbox, user)
    query = person.decide(person.begin())
    get_user_model().objects.update(is_active=False)
    assert person.come_back(query).status_code == 403
    assert is_untouched(sandbox)


def test_another_browser_of_the_same_user_is_refused(sandbox, query, user):
    other = Person(sandbox, user)
    other.links_page()
    assert other.come_back(query).status_code == 400
    assert is_untouched(sandbox)


def test_a_browser_that_never_began_is_refused(sandbox, query, user):
    assert Person(sandbox, user).come_back(query).status_code == 400
    assert is_untouched(sandbox)


def test_an_unknown_state_is_refused(person, sandbox, query):
    assert person.come_back({**query, "state": STATE}).status_code == 400
    assert is_untouched(sandbox)


def test_an_expired_state_is_refused(person, sandbox, query):
    AuthorizationRequest.objects.update(expires_at=F("expires_at") - timedelta(minutes=11))
    assert person.come_back(query).status_code == 400
    assert is_untouched(sandbox)


@pytest.mark.parametrize("answer", [{}, {"error": "access_denied", "code": None}])
@pytest.mark.parametrize("suffix", [None, "", "/", "X", ".evil.test"])
def test_a_wrong_or_missing_iss_is_a_forgery(person, sandbox, query, suffix, answer):
    iss = None if suffix is None else suffix and sandbox.url + suffix
    response = person.come_back(changed({**query, **answer}, iss=iss))
    assert response.status_code == 400
    assert exchanges(sandbox) == 0
    assert AuthorizationRequest.objects.get().outcome == "failed"


def test_an_iss_in_other_case_is_a_forgery(person, sandbox, query):
    assert person.come_back({**query, "iss": sandbox.url.upper()}).status_code == 400
    assert exchanges(sandbox) == 0


def test_the_setting_that_allows_a_missing_iss_is_named(person, query, caplog):
    response = person.come_back(changed(query, iss=None))
    assert "REQUIRE_ISS" in response.content.decode()
    assert "REQUIRE_ISS" in caplog.text


def test_a_missing_iss_is_taken_where_the_site_allows_it(person, query, change):
    change(REQUIRE_ISS=False)
    assert person.come_back(changed(query, iss=None)).status_code == 303
    assert BufferLink.objects.get().is_active


def test_a_wrong_iss_is_refused_even_then(person, sandbox, query, change):
    change(REQUIRE_ISS=False)
    assert person.come_back({**query, "iss": "https://evil.test"}).status_code == 400
    assert exchanges(sandbox) == 0


def test_a_response_without_code_is_refused(person, sandbox, query):
    assert person.come_back(changed(query, code=None)).status_code == 400
    assert exchanges(sandbox) == 0


def test_an_error_beside_a_code_is_an_error(person, sandbox, query):
    response = person.come_back({**query, "error": "access_denied"})
    assert (response.status_code, response["Location"]) == (303, "/buffer/")
    assert exchanges(sandbox) == 0


def test_unknown_parameters_are_passed_over(person, query):
    assert person.come_back({**query, "session_state": "x", "next": "//evil"}).status_code == 303


def test_a_replay_of_a_finished_request_leads_on(person, sandbox):
    query = person.decide(person.begin(next="/there/"))
    locations = [person.come_back(query)["Location"] for _ in range(2)]
    assert locations == ["/there/", "/there/"]
    assert exchanges(sandbox) == 1
    assert not sandbox.grants[0].revoked


def test_a_replay_while_the_first_is_at_work_leads_to_the_links(person, sandbox):
    query = person.decide(person.begin(next="/there/"))
    AuthorizationRequest.objects.update(consumed_at=F("expires_at"))
    response = person.come_back(query)
    assert (response.status_code, response["Location"]) == (303, "/buffer/")
    assert exchanges(sandbox) == 0


def test_a_replay_of_a_failed_request_is_refused(person, sandbox, query):
    sandbox.fail_next("oauth_error", error="invalid_grant")
    person.come_back(query)
    assert person.come_back(query).status_code == 400
    assert exchanges(sandbox) == 1


def test_a_replay_by_another_user_is_refused(person, sandbox, query, other_user):
    person.come_back(query)
    assert Person(sandbox, other_user).come_back(query).status_code == 403


def test_a_replay_in_another_browser_is_refused(person, sandbox, query, user):
    person.come_back(query)
    assert Person(sandbox, user).come_back(query).status_code == 400


@pytest.mark.parametrize("state", ["good", "bad"])
def test_every_answer_is_kept_from_caches_frames_and_referrers(person, query, state):
    response = person.come_back(query if state == "good" else {**query, "state": STATE})
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"


def test_no_answer_repeats_the_query(person, query, user):
    user.delete()
    page = person.come_back(query).content.decode()
    assert query["code"] not in page
    assert query["state"] not in page


def test_codes_of_awkward_characters_arrive_intact(person, sandbox):
    sandbox.fail_next("alter", on="authorization", changes={"code": "a/b+c=d&e%f~"})
    person.connect()
    assert sandbox.requests_to("token")[0].form["code"] == ["a/b+c=d&e%f~"]


def test_signing_in_again_ends_what_was_begun(person, sandbox, query, user):
    person.client.logout()
    person.client = Client()
    person.client.force_login(user)
    assert person.come_back(query).status_code == 400
    assert is_untouched(sandbox)
