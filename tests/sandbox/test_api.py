"""The GraphQL API, its errors and its rate limits."""

import pytest

from buffer_connect.sandbox import Sandbox

CREATE = """
mutation ($text: String) {
  createPost(input: {channelId: "c", text: $text, schedulingType: automatic, mode: addToQueue}) {
    __typename
    ... on PostActionSuccess { post { id text } }
    ... on MutationError { message }
  }
}
"""


def error_of(answer):
    return answer.json()["errors"][0]["extensions"]["code"]


def test_the_account_query_answers_with_the_account(client, sandbox):
    assert client.api(sandbox.issue("account-2").access_token).json()["data"]["account"] == {
        "id": "account-2",
        "email": "account-2@sandbox.invalid",
        "name": "Sandbox account 2",
        "avatar": f"{sandbox.url}/avatar.svg",
        "organizations": [{"id": "organization-2", "name": "Sandbox organization 2"}],
    }


def test_an_unknown_token_is_unauthenticated(client):
    answer = client.api("unknown")
    assert (answer.status_code, error_of(answer)) == (401, "UNAUTHENTICATED")


def test_no_token_is_unauthenticated(client, sandbox):
    answer = client.session.post(sandbox.api_url, json={"query": "{ account { id } }"})
    assert (answer.status_code, error_of(answer)) == (401, "UNAUTHENTICATED")


def test_a_missing_scope_is_forbidden_within_a_200(client, sandbox):
    answer = client.api(sandbox.issue(scopes=["posts:read"]).access_token)
    assert (answer.status_code, error_of(answer)) == (200, "FORBIDDEN")


def test_a_post_is_created(client, sandbox):
    answer = client.api(sandbox.issue().access_token, CREATE, text="Hello")
    assert answer.json()["data"]["createPost"]["post"]["text"] == "Hello"


@pytest.mark.parametrize(
    ("scopes", "text", "kind"),
    [
        (["account:read"], "Hello", "UnauthorizedError"),
        (["posts:write"], "  ", "InvalidInputError"),
    ],
)
def test_mutation_errors_are_typed_data(client, sandbox, scopes, text, kind):
    answer = client.api(sandbox.issue(scopes=scopes).access_token, CREATE, text=text)
    assert "errors" not in answer.json()
    assert answer.json()["data"]["createPost"]["__typename"] == kind


@pytest.mark.parametrize("query", ["{ account {", "{ nothing }"])
def test_a_query_that_is_none_is_refused(client, sandbox, query):
    answer = client.api(sandbox.issue().access_token, query)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_a_body_that_is_no_query_is_refused(client, sandbox):
    headers = {"Authorization": f"Bearer {sandbox.issue().access_token}"}
    answer = client.session.post(sandbox.api_url, data=b"[1", headers=headers)
    assert (answer.status_code, error_of(answer)) == (400, "BAD_REQUEST")


def test_every_answer_tells_what_is_left(client, sandbox):
    headers = client.api(sandbox.issue().access_token).headers
    assert headers["RateLimit"].startswith('"limit-1";r=99;t=900, "limit-2";r=499;t=86400')
    assert '"limit-3";q=15000;w=2592000;pk=:' in headers["RateLimit-Policy"]


@pytest.fixture
def tight(make_client):
    with Sandbox(quotas={"15m": (900, 2)}, enforce_quotas=True) as sandbox:
        yield make_client(sandbox)


def test_an_exhausted_window_answers_429(tight):
    token = tight.sandbox.issue().access_token
    answers = [tight.api(token) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert error_of(answers[2]) == "RATE_LIMIT_EXCEEDED"
    assert answers[2].json()["errors"][0]["extensions"]["window"] == "15m"
    assert 890 <= int(answers[2].headers["Retry-After"]) <= 900


def test_a_window_opens_again_and_counts_for_one_account(tight):
    token, other = tight.sandbox.issue().access_token, tight.sandbox.issue("account-2")
    for _ in range(3):
        tight.api(token)
    assert tight.api(other.access_token).status_code == 200
    tight.sandbox.advance(900)
    assert tight.api(token).status_code == 200
