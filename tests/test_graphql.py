import json
from datetime import UTC, datetime

import graphql as graphql_core
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer_connect.exceptions import (
    BufferAPIError,
    BufferUnavailable,
    MutationFailed,
    RateLimited,
)
from buffer_connect.graphql import (
    ACCOUNT_QUERY,
    Account,
    judge_api_response,
    payload,
    raise_for_errors,
    raise_for_mutation_errors,
    read_account,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def judge(status=200, body=None, headers=None, *, complete=True):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return judge_api_response(status, headers or {}, body, complete=complete, now=NOW)


def failure(code, data=None, **extensions):
    error = {"message": "the-message", "extensions": {"code": code, **extensions}}
    return {"data": data, "errors": [error]}


def test_the_account_query_is_graphql():
    assert graphql_core.parse(ACCOUNT_QUERY)


def test_a_request_without_variables_holds_the_query_alone():
    assert payload("query { a }") == payload("query { a }", {}) == {"query": "query { a }"}


def test_a_request_carries_its_variables():
    assert payload("query { a }", {"x": 1})["variables"] == {"x": 1}


def test_the_data_of_an_answer_without_errors():
    assert raise_for_errors(judge(body={"data": {"account": None}})) == {"account": None}


@pytest.mark.parametrize("errors", [None, []], ids=str)
def test_no_errors_are_no_errors(errors):
    assert raise_for_errors(judge(body={"data": {"a": 1}, "errors": errors})) == {"a": 1}


def test_a_typed_mutation_error_is_data():
    data = {"createPost": {"__typename": "UnauthorizedError", "message": "no"}}
    answer = judge(body={"data": data})
    assert raise_for_errors(answer) == data
    assert not answer.unauthenticated


@pytest.mark.parametrize(
    ("payload", "kind", "message"),
    [
        ({"__typename": "LimitReachedError", "message": "no"}, "LimitReachedError", "no"),
        ({"__typename": "UnheardOfError"}, "UnheardOfError", ""),
        ({"__typename": "NotFoundError", "message": None}, "NotFoundError", ""),
        ({"message": "no"}, "MutationError", "no"),
        ({"__typename": None, "message": ""}, "MutationError", ""),
        ({"message": "no", "code": 1023}, "MutationError", "no"),
    ],
    ids=range(6),
)
def test_which_payloads_are_typed_errors(payload, kind, message):
    data = {"createPost": payload}
    with pytest.raises(MutationFailed) as raised:
        raise_for_mutation_errors(data)
    assert (raised.value.type, raised.value.message) == (kind, message)
    assert raised.value.data is data


@pytest.mark.parametrize(
    "payload",
    [
        {"__typename": "PostActionSuccess", "post": {"id": "1"}},
        {"__typename": "PostActionSuccess", "message": "an alias"},
        {"post": {"id": "1", "error": {"__typename": "PostPublishingError", "message": "x"}}},
        {"message": {"a": 1}},
        {},
        None,
        [],
        "Mutation",
    ],
    ids=range(8),
)
def test_which_payloads_are_none(payload):
    raise_for_mutation_errors({"createPost": payload})


@pytest.mark.parametrize(
    ("status", "body", "unauthenticated", "http_unauthorized"),
    [
        (401, failure("UNAUTHENTICATED"), True, True),
        (401, b"<html>", True, True),
        (401, b"", True, True),
        (200, failure("UNAUTHORIZED"), True, False),
        (200, failure("UNAUTHENTICATED"), True, False),
        (200, failure("UNAUTHORIZED", {"account": None}), True, False),
        (200, failure("UNAUTHORIZED", {"createPost": {"id": "1"}, "other": None}), False, False),
        (200, failure("FORBIDDEN"), False, False),
        (403, failure("FORBIDDEN"), False, False),
        (500, failure("UNAUTHORIZED"), False, False),
        (200, {"errors": [{"extensions": {"code": ["UNAUTHORIZED"]}}]}, False, False),
        (200, {"data": {"error": {"extensions": {"code": "UNAUTHORIZED"}}}}, False, False),
    ],
)
def test_which_answers_speak_of_the_access_token(status, body, unauthenticated, http_unauthorized):
    answer = judge(status, body)
    assert (answer.unauthenticated, answer.http_unauthorized) == (
        unauthenticated,
        http_unauthorized,
    )


@pytest.mark.parametrize(
    ("status", "data", "rate_limited"),
    [
        (200, None, True),
        (200, {"one": None}, True),
        (200, {"one": {"id": "1"}, "two": None}, False),
        (429, {"one": {"id": "1"}}, True),
    ],
)
def test_an_answer_that_holds_data_was_not_stopped_by_a_rate_limit(status, data, rate_limited):
    assert judge(status, failure("RATE_LIMIT_EXCEEDED", data)).rate_limited is rate_limited


@pytest.mark.parametrize(
    ("status", "body", "headers", "retry_after", "window"),
    [
        (429, failure("RATE_LIMIT_EXCEEDED", window="15m"), {"Retry-After": "60"}, 60, "15m"),
        (200, failure("RATE_LIMIT_EXCEEDED", window="24h"), {"retry-after": "86400"}, 86400, "24h"),
        (429, failure("RATE_LIMIT_EXCEEDED", retryAfter=30), {}, 30, None),
        (429, failure("RATE_LIMIT_EXCEEDED", retryAfter="30"), {}, 30, None),
        (429, failure("RATE_LIMIT_EXCEEDED", retryAfter=True, window=15), {}, None, None),
        (429, failure("X", retryAfter=9), {"Retry-After": "60"}, 60, None),
        (429, b"<html>", {"Retry-After": "60"}, 60, None),
        (429, b"", {}, None, None),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(status, body, headers, retry_after, window):
    with pytest.raises(RateLimited) as caught:
        raise_for_errors(judge(status, body, headers))
    assert (caught.value.retry_after, caught.value.window) == (retry_after, window)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (502, b"<html>"),
        (503, failure("UNEXPECTED")),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"null"),
        (200, b"\xff"),
        (200, {}),
        (200, {"data": None}),
        (200, {"data": [1]}),
        (204, b""),
        (302, b""),
        (400, b"bad"),
        (404, {"data": {"a": 1}}),
        (200, b'{"data": ' + b"[" * 100_000),
        (200, b'{"data": {"a": ' + b"9" * 5000 + b"}}"),
    ],
    ids=range(17),
)
def test_an_answer_that_cannot_be_used(status, body):
    with pytest.raises(BufferUnavailable) as caught:
        raise_for_errors(judge(status, body, {"Retry-After": "7"}))
    assert caught.value.retry_after == 7


def test_an_answer_cut_short_cannot_be_used():
    with pytest.raises(BufferUnavailable):
        raise_for_errors(judge(200, {"data": {"a": 1}}, complete=False))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, failure("FORBIDDEN")),
        (200, failure("NOT_FOUND", {"account": {"id": "1"}, "post": None})),
        (200, failure("UNEXPECTED")),
        (200, failure("UNAUTHORIZED")),
        (200, {"errors": [{"message": "too complex"}]}),
        (200, {"errors": "too complex"}),
        (200, {"errors": [None, 5, "x"]}),
        (400, failure("GRAPHQL_VALIDATION_FAILED")),
        (401, failure("UNAUTHENTICATED")),
    ],
    ids=range(9),
)
def test_errors_of_the_api_come_with_what_there_is_of_the_data(status, body):
    with pytest.raises(BufferAPIError) as caught:
        raise_for_errors(judge(status, body))
    assert caught.value.data == body.get("data")
    assert all(isinstance(error, dict) for error in caught.value.errors)
    assert "the-message" not in str(caught.value)


def test_an_answer_shows_no_content():
    assert "the-content" not in repr(judge(body={"data": {"post": "the-content"}}))


def test_an_account():
    organizations = [{"id": "o1", "name": "One"}, {"id": "o2", "name": "Two"}]
    account = {"id": "a1", "email": "a@b.example", "name": "A", "organizations": organizations}
    assert read_account({"account": account}) == Account(**account)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"account": None},
        {"account": []},
        {"account": {}},
        {"account": {"id": None}},
        {"account": {"id": 5}},
        {"account": {"id": ""}},
        {"account": {"id": "a\x00"}},
        {"account": {"id": "a" * 256}},
    ],
    ids=range(9),
)
def test_without_a_usable_id_there_is_no_account(data):
    assert read_account(data) is None


def test_what_a_database_would_refuse_is_left_out_of_the_profile():
    account = read_account(
        {
            "account": {
                "id": "a1",
                "name": "A\x00\ud800\u3000B\n" + "c" * 999,
                "email": None,
                "organizations": [{"id": "o1", "name": "O\x00"}, {"id": None}, "o2", None],
            }
        }
    )
    assert account.name == "A\u3000B" + "c" * 252
    assert account.email == ""
    assert account.organizations == [{"id": "o1", "name": "O"}]


texts = st.text(st.characters(codec="ascii"), max_size=10)
leaves = st.none() | st.booleans() | st.floats() | st.integers() | texts
names = st.sampled_from(["data", "errors", "extensions", "code", "account", "id", "message"])
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


@given(st.integers(100, 599) | st.just(200), documents | st.binary(max_size=100), st.booleans())
def test_every_answer_is_data_or_one_of_three_refusals(status, body, complete):
    answer = judge(status, body, complete=complete)
    try:
        data = raise_for_errors(answer)
    except (RateLimited, BufferUnavailable, BufferAPIError):
        return
    assert isinstance(data, dict)
    assert status == 200
    read_account(data)
