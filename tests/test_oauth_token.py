import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer_connect.oauth.token import NOT_SENT, Verdict, judge_token_response, says_reused
from buffer_connect.sealing import Secret

GRANTED = {
    "access_token": "an-access-token",
    "refresh_token": "a-refresh-token/+=&",
    "token_type": "Bearer",
    "expires_in": 1800,
    "scope": "account:read offline_access account:read",
}
JSON_TYPES = ("NaN", "Infinity", "[" * 100_000, '"\\ud800"', "9" * 5000, "1e999", "true", "{}")


def judge(status=200, body=None, headers=None, *, complete=True):
    if not isinstance(body, bytes):
        body = json.dumps(GRANTED if body is None else body).encode()
    return judge_token_response(status, headers or {}, body, complete=complete)


def changed(**members):
    return {name: value for name, value in {**GRANTED, **members}.items() if value is not None}


def test_a_token_response_gives_a_token_set():
    tokens = judge().tokens
    assert tokens.access_token == Secret("an-access-token")
    assert tokens.refresh_token == Secret("a-refresh-token/+=&")
    assert (tokens.life, tokens.scopes) == (1800, ("account:read", "offline_access"))


@pytest.mark.parametrize(
    ("status", "error", "verdict"),
    [
        (400, "invalid_grant", Verdict.REFUSED),
        (400, "invalid_client", Verdict.CLIENT_REJECTED),
        (401, "invalid_client", Verdict.CLIENT_REJECTED),
        (400, "invalid_request", Verdict.MISCONFIGURED),
        (400, "invalid_scope", Verdict.MISCONFIGURED),
        (400, "unauthorized_client", Verdict.MISCONFIGURED),
        (400, "unsupported_grant_type", Verdict.MISCONFIGURED),
        (429, "invalid_grant", Verdict.THROTTLED),
        (429, "slow_down", Verdict.THROTTLED),
        (400, "invalid_target", Verdict.UNKNOWN),
        (400, "server_error", Verdict.UNKNOWN),
        (400, "temporarily_unavailable", Verdict.UNKNOWN),
        (400, "never_heard_of", Verdict.UNKNOWN),
        (401, "invalid_grant", Verdict.UNKNOWN),
        (403, "invalid_grant", Verdict.UNKNOWN),
        (200, "invalid_grant", Verdict.UNKNOWN),
        (500, "invalid_grant", Verdict.UNKNOWN),
        (502, "invalid_client", Verdict.UNKNOWN),
        (302, "invalid_request", Verdict.UNKNOWN),
    ],
)
def test_the_outcome_table(status, error, verdict):
    assert judge(status, {"error": error}).verdict is verdict


@pytest.mark.parametrize("status", [100, 204, 201, 302, 307, 400, 401, 404, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", b"<html>invalid_grant</html>", b"[]", b'"invalid_grant"'])
def test_an_answer_that_is_no_oauth_json_tells_nothing(status, body):
    outcome = judge(status, body)
    assert (outcome.verdict, outcome.answered) == (Verdict.UNKNOWN, False)
    assert outcome.error == f"http_{status}"


def test_too_many_requests_need_no_json():
    outcome = judge(429, b"<html>", {"retry-after": "30"})
    assert (outcome.verdict, outcome.retry_after) == (Verdict.THROTTLED, 30)


def test_a_refusal_that_is_cut_short_refuses_nothing():
    assert judge(400, {"error": "invalid_grant"}, complete=False).verdict is Verdict.UNKNOWN


def test_a_refusal_that_contradicts_itself_refuses_nothing():
    outcome = judge(400, b'{"error": "server_error", "error": "invalid_grant"}')
    assert (outcome.verdict, outcome.error) == (Verdict.UNKNOWN, "http_400")


def test_a_refusal_that_repeats_itself_is_one():
    body = b'{"error": "invalid_grant", "error": "invalid_grant"}'
    assert judge(400, body).verdict is Verdict.REFUSED


def test_a_success_with_contradicting_errors_gives_what_came_before_them():
    body = b'{"refresh_token": "next", "error": "a", "error": "b", "access_token": "one"}'
    tokens = judge(body=body).tokens
    assert (tokens.refresh_token, tokens.access_token) == (Secret("next"), None)


def test_a_refusal_that_cannot_be_decoded_refuses_nothing():
    body = b'{"error": "invalid_grant", "error_description": "\xe9"}'
    assert judge(400, body).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("status", "error", "answered"),
    [
        (400, "invalid_target", True),
        (500, "server_error", True),
        (200, "server_error", True),
        (502, "server_error", False),
        (503, "temporarily_unavailable", False),
        (504, "server_error", False),
        (500, "Internal Server Error", False),
        (500, "", False),
        (500, None, False),
        (302, "server_error", False),
    ],
)
def test_only_the_token_endpoints_own_answer_ends_a_request(status, error, answered):
    assert judge(status, {"error": error}).answered is answered


def test_retry_after_as_a_date_counts_from_the_responses_own_date():
    headers = {
        "Date": "Sun, 01 Nov 2026 12:00:00 GMT",
        "Retry-After": "Sun, 01 Nov 2026 12:00:45 GMT",
    }
    assert judge(503, b"", headers).retry_after == 45


def test_retry_after_as_a_date_without_a_date_is_of_no_use():
    headers = {"Retry-After": "Sun, 01 Nov 2026 12:00:45 GMT"}
    assert judge(503, b"", headers).retry_after is None


def test_the_description_is_kept_on_one_line_and_short():
    body = {"error": "invalid_grant", "error_description": "one\r\ntwo" + "x" * 5000}
    description = judge(400, body).description
    assert description.startswith("one\\r\\ntwo")
    assert len(description) <= 210


@pytest.mark.parametrize("token_type", ["bearer", "BEARER", "Bearer"])
def test_the_token_type_is_bearer_in_any_case(token_type):
    assert judge(body=changed(token_type=token_type)).tokens.access_token


@pytest.mark.parametrize(
    "members",
    [
        {"token_type": "DPoP"},
        {"token_type": None},
        {"token_type": ["Bearer"]},
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "two words"},
        {"access_token": "line\nbreak"},
        {"access_token": "ünicode"},
    ],
)
def test_without_a_usable_access_token_the_refresh_token_is_kept(members):
    outcome = judge(body=changed(**members))
    assert outcome.verdict is Verdict.OK
    assert outcome.tokens.access_token is None
    assert outcome.tokens.refresh_token == Secret("a-refresh-token/+=&")


@pytest.mark.parametrize("refresh_token", [None, "", " ", "\ud800", 5, {}])
def test_without_a_usable_refresh_token_the_access_token_is_kept(refresh_token):
    tokens = judge(body=changed(refresh_token=refresh_token)).tokens
    assert tokens.access_token == Secret("an-access-token")
    assert tokens.refresh_token is None


@pytest.mark.parametrize("refresh_token", ["two words", "ünicode", "line\nbreak", "\x00"])
def test_any_text_is_a_refresh_token(refresh_token):
    assert judge(body=changed(refresh_token=refresh_token)).tokens.refresh_token == Secret(
        refresh_token
    )


def test_a_refresh_token_that_was_damaged_on_its_way_is_none():
    body = json.dumps(changed(refresh_token="damaged")).encode()
    assert judge(body=body.replace(b"damaged", b"dam\xffged")).tokens.refresh_token is None


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        (None, None),
        ("", None),
        (["posts:read"], None),
        ("posts:read", ("posts:read",)),
        (' posts:read  "quoted" ideas:read ', ("posts:read", "ideas:read")),
    ],
)
def test_the_granted_scopes(scope, scopes):
    assert judge(body=changed(scope=scope)).tokens.scopes == scopes


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"access_token": "a"},
        {"token_type": "Bearer"},
        {"access_token": "\n", "refresh_token": "\n", "token_type": "Bearer"},
        {"token": GRANTED},
        [GRANTED],
        b"",
        b"{",
        b"<html></html>",
        b"access_token=a&refresh_token=b&token_type=Bearer",
    ],
)
def test_a_success_without_a_token_is_unknown(body):
    body = b"null" if body is None else body
    outcome = judge(200, body)
    assert (outcome.verdict, outcome.tokens, outcome.answered) == (Verdict.UNKNOWN, None, False)


@pytest.mark.long
@pytest.mark.parametrize("cut", range(len(json.dumps(GRANTED)) + 1))
def test_a_success_cut_anywhere_keeps_a_complete_refresh_token(cut):
    text = json.dumps(GRANTED)
    outcome = judge(200, text[:cut].encode(), complete=False)
    held = outcome.tokens.refresh_token.reveal() if outcome.tokens else None
    is_there = cut >= text.index('", "token_type"') + 1
    assert held == (GRANTED["refresh_token"] if is_there else None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"refresh_token": "kept", "then": [',
        b' { "before" : {"refresh_token": "inner"} , "refresh_token" : "kept" , ',
        b'{"refresh_token": "kept"} and more',
        b'{"refresh_token": "kept", "error": "server_error"}',
        b'\xef\xbb\xbf{"refresh_token": "kept", "name": "\xff"}',
        b'{"refresh_token": "\\u006bept", "deep": ' + b"[" * 100_000,
        b'{"big": ' + b"9" * 5000 + b', "refresh_token": "kept", "bad"',
    ],
)
def test_a_refresh_token_is_saved_from_what_is_left_of_a_success(body):
    outcome = judge(200, body)
    assert outcome.verdict is Verdict.OK
    assert outcome.tokens.refresh_token == Secret("kept")
    assert outcome.tokens.access_token is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"refresh_token": "cut',
        b'{"inner": {"refresh_token": "inner"}, "x',
        b'{"text": "{\\"refresh_token\\": \\"quoted\\"", "x',
        b'["refresh_token", "listed"',
        b'{"refresh_token" "no colon"',
    ],
)
def test_nothing_else_is_taken_for_a_refresh_token(body):
    assert judge(200, body, complete=False).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("value", JSON_TYPES)
def test_odd_values_in_other_members_do_no_harm(value):
    body = f'{{"expires_in": {value}, "scope": {value}, "error_description": {value}, '
    outcome = judge(200, (json.dumps(GRANTED)[:-1] + ", " + body[1:-2] + "}").encode())
    assert outcome.tokens.refresh_token == Secret("a-refresh-token/+=&")


def test_a_salvaged_token_does_not_depend_on_the_size_of_numbers_before_it():
    body = (
        b'{"expires_in": ' + b"9" * 5000 + b", " + json.dumps(changed(expires_in=None))[1:].encode()
    )
    assert judge(200, body).tokens.access_token == Secret("an-access-token")


ascii_characters = st.characters(codec="ascii")
bodies = st.one_of(
    st.binary(max_size=300),
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers()
        | st.text(ascii_characters, max_size=20),
        lambda children: (
            st.lists(children, max_size=3)
            | st.dictionaries(
                st.sampled_from([*GRANTED, "error", "error_description", "x"]), children, max_size=6
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)
header_sets = st.dictionaries(
    st.sampled_from(["Retry-After", "retry-after", "Date", "Content-Type"]),
    st.text(ascii_characters, max_size=40),
)


@given(st.integers(100, 599) | st.just(200), header_sets, bodies, st.booleans())
def test_no_answer_fails_and_none_is_a_success_without_a_token(status, headers, body, complete):
    outcome = judge_token_response(status, headers, body, complete=complete)
    has_token = outcome.tokens is not None and bool(
        outcome.tokens.access_token or outcome.tokens.refresh_token
    )
    assert (outcome.verdict is Verdict.OK) == has_token
    assert not has_token or status == 200


def test_no_token_is_shown():
    shown = repr(judge()) + repr(judge().tokens)
    assert "an-access" not in shown
    assert "a-refresh" not in shown


def test_a_request_that_was_not_sent_has_no_answer():
    assert (NOT_SENT.verdict, NOT_SENT.answered, NOT_SENT.tokens) == (Verdict.NOT_SENT, False, None)


@pytest.mark.parametrize(
    ("description", "reused"),
    [
        ("", False),
        ("grant request is invalid", False),
        ("Refresh token is expired, revoked or already used", False),
        ("The refresh token was already used", True),
        ("refresh token has ALREADY BEEN USED", True),
        ("Refresh token reuse detected", True),
        ("Maximum allowed refresh token reuse exceeded", True),
    ],
)
def test_a_description_may_tell_a_reuse(description, reused):
    assert says_reused(description) is reused
