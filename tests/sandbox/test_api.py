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


@pytest.mark.parametrize("sandbox", [{"clock": lambda: 1_800_000_000}], indirect=True)
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


def test_an_api_key_may_do_everything_until_it_is_deleted(client, sandbox):
    key = sandbox.issue_key("account-2")
    assert client.api(key, CREATE, text="Hello").json()["data"]["createPost"]["post"]["id"]
    assert sandbox.accepts(key)
    assert sandbox.delete_key(key)
    assert (client.api(key).status_code, sandbox.accepts(key)) == (401, False)


def test_an_api_key_never_ends_by_itself(client, sandbox):
    key = sandbox.issue_key()
    sandbox.advance(4000 * 86_400)
    assert client.api(key).status_code == 200


@pytest.mark.parametrize(("form", "reset"), [("RateLimit", 900), ("X-RateLimit", 1_800_000_900)])
def test_the_older_headers_tell_of_the_tightest_window(make_client, form, reset):
    with Sandbox(clock=lambda: 1_800_000_000, quota_headers=form) as sandbox:
        headers = make_client(sandbox).api(sandbox.issue().access_token).headers
    told = [headers[f"{form}-{name}"] for name in ("Limit", "Remaining", "Reset")]
    assert told == ["100", "99", str(reset)]


CHANNELS = """
query ($organization: OrganizationId!) {
  channels(input: {organizationId: $organization}) { id service organizationId }
}
"""
POSTS = """
query ($first: Int, $after: String, $filter: PostsFiltersInput, $sort: [PostSortInput!]) {
  posts(
    input: {organizationId: "organization-1", filter: $filter, sort: $sort}
    first: $first
    after: $after
  ) {
    edges { node { text status channelId } cursor }
    pageInfo { startCursor endCursor hasPreviousPage hasNextPage }
  }
}
"""
DELETE = """
mutation ($id: PostId!) {
  deletePost(input: {id: $id}) {
    __typename
    ... on DeletePostSuccess { id }
    ... on MutationError { message }
  }
}
"""


@pytest.fixture
def token(sandbox):
    return sandbox.issue().access_token


@pytest.fixture
def posts(client, sandbox, token):
    """Five posts; return a function that asks for a page of them."""
    for number in range(5):
        sandbox.post(
            f"post {number}",
            channelId=f"channel-{number % 2}",
            dueAt=f"2026-11-2{number}T12:00:00Z",
        )
    return lambda **asked: client.api(token, POSTS, **asked).json()["data"]["posts"]


def texts(page):
    return [edge["node"]["text"][-1] for edge in page["edges"]]


def test_an_organization_has_channels(client, token):
    channels = client.api(token, CHANNELS, organization="organization-1").json()["data"]["channels"]
    assert {channel["service"] for channel in channels} == {"mastodon", "bluesky", "linkedin"}


def test_another_organization_is_not_found(client, token):
    assert error_of(client.api(token, CHANNELS, organization="organization-2")) == "NOT_FOUND"


def test_posts_come_in_pages(posts):
    first = posts(first=3)
    second = posts(first=3, after=first["pageInfo"]["endCursor"])
    assert (texts(first), texts(second)) == (["0", "1", "2"], ["3", "4"])
    assert first["pageInfo"]["hasNextPage"]
    assert not second["pageInfo"]["hasNextPage"]


def test_without_a_size_a_page_holds_them_all(posts):
    page = posts()
    cursors = [edge["cursor"] for edge in page["edges"]]
    assert page["pageInfo"] == {
        "startCursor": cursors[0],
        "endCursor": cursors[4],
        "hasPreviousPage": False,
        "hasNextPage": False,
    }


def test_posts_can_be_filtered_and_sorted(posts):
    chosen = {"channelIds": ["channel-0"], "status": ["scheduled"]}
    latest = [{"field": "dueAt", "direction": "desc"}]
    assert texts(posts(filter=chosen, sort=latest)) == ["4", "2", "0"]
    assert texts(posts(filter={"status": ["draft"]})) == []


def test_a_cursor_that_is_none_is_refused(client, token):
    assert error_of(client.api(token, POSTS, after="nonsense")) == "BAD_USER_INPUT"


def test_a_post_that_was_created_can_be_read(client, sandbox, token):
    client.api(token, CREATE, text="Hello")
    found = client.api(token, POSTS).json()["data"]["posts"]["edges"][0]["node"]
    assert found == {"text": "Hello", "status": "scheduled", "channelId": "c"}


def test_a_post_is_deleted_once(client, sandbox, token):
    post = sandbox.post("Hello")
    kinds = [
        client.api(token, DELETE, id=post.id).json()["data"]["deletePost"]["__typename"]
        for _ in range(2)
    ]
    assert kinds == ["DeletePostSuccess", "VoidMutationError"]
    assert sandbox.posts == []


def test_a_typed_error_comes_on_request_and_nothing_is_carried_out(client, sandbox, token):
    sandbox.fail_next("mutation_error", on="api", type="RestProxyError", message="Later")
    answer = client.api(token, CREATE, text="Hello").json()["data"]["createPost"]
    assert answer == {"__typename": "RestProxyError", "message": "Later"}
    assert sandbox.posts == []


def test_a_query_meets_no_mutation_error(client, sandbox, token):
    sandbox.fail_next("mutation_error", on="api")
    assert client.api(token).json()["data"]["account"]["id"] == "account-1"
