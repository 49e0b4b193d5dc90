"""What a mutation that Buffer refuses becomes."""

import pytest

from buffer_connect.client import BufferClient
from buffer_connect.exceptions import BufferAPIError, MutationFailed
from buffer_connect.models import BufferLink
from tests.links import held, link_to

ERROR = "__typename ... on MutationError { message }"
CREATE = f"mutation ($post: CreatePostInput!) {{ createPost(input: $post) {{ {ERROR} }} }}"
POST = {"channelId": "c", "text": "Hello", "schedulingType": "automatic", "mode": "addToQueue"}
TWO = f"""
mutation ($post: CreatePostInput!) {{
  one: createPost(input: $post) {{ {ERROR} }}
  two: createPost(input: $post) {{ {ERROR} ... on PostActionSuccess {{ post {{ id }} }} }}
}}
"""


@pytest.fixture
def link(sandbox, user):
    scopes = ["account:read", "posts:read", "posts:write", "offline_access"]
    return link_to(sandbox, user, scopes=scopes)


@pytest.fixture
def client_(link):
    return BufferClient(link)


def test_a_mutation_that_succeeds_returns_its_data(sandbox, client_):
    data = client_.execute(CREATE, {"post": POST})
    assert data == {"createPost": {"__typename": "PostActionSuccess"}}
    assert [post.text for post in sandbox.posts] == ["Hello"]


def test_a_typed_error_is_raised_with_what_buffer_says(sandbox, client_):
    sandbox.fail_next("mutation_error", on="api", type="LimitReachedError", message="Queue full")
    with pytest.raises(MutationFailed) as raised:
        client_.execute(CREATE, {"post": POST})
    assert (raised.value.type, raised.value.message) == ("LimitReachedError", "Queue full")
    assert sandbox.posts == []


def test_a_typed_error_can_be_left_in_the_data(client_):
    data = client_.execute(CREATE, {"post": {**POST, "text": ""}}, raise_mutation_errors=False)
    assert data["createPost"]["__typename"] == "InvalidInputError"


def test_without_its_name_an_error_is_known_by_its_message(client_):
    query = CREATE.replace("__typename", "")
    with pytest.raises(MutationFailed, match="A post needs a text") as raised:
        client_.execute(query, {"post": {**POST, "text": ""}})
    assert raised.value.type == "MutationError"


def test_what_the_other_mutations_did_is_in_the_data(sandbox, client_):
    sandbox.fail_next("mutation_error", on="api", field="one")
    with pytest.raises(MutationFailed) as raised:
        client_.execute(TWO, {"post": POST})
    (post,) = sandbox.posts
    assert raised.value.data["two"]["post"] == {"id": post.id}


def test_an_unauthorized_mutation_says_nothing_against_the_link(sandbox, link, client_):
    sandbox.fail_next("mutation_error", 2, on="api", type="UnauthorizedError")
    with pytest.raises(MutationFailed):
        client_.execute(CREATE, {"post": POST})
    assert held(link).status == BufferLink.Status.ACTIVE
    assert (len(sandbox.requests_to("api")), len(sandbox.requests_to("token"))) == (1, 0)


def test_a_query_may_select_what_looks_like_an_error(sandbox, client_):
    data = {"account": {"__typename": "StrangeError", "message": "a field of theirs"}}
    sandbox.fail_next("alter", on="api", changes={"data": data})
    assert client_.execute("query mutation { account { id } }") == data


def test_errors_of_the_whole_request_come_first(sandbox, client_):
    sandbox.fail_next("mutation_error", on="api", field="one", type="NoSuchType")
    with pytest.raises(BufferAPIError):
        client_.execute(TWO, {"post": POST})
