"""All posts, page by page."""

from itertools import islice

import pytest
from asgiref.sync import async_to_sync

from buffer_connect.client import BufferClient
from buffer_connect.exceptions import BufferAPIError
from tests.links import link_to

POSTS = """
query ($organization: OrganizationId!, $after: String) {
  posts(input: {organizationId: $organization}, first: 2, after: $after) {
    edges { node { text } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
OURS = {"organization": "organization-1"}


@pytest.fixture
def client_(sandbox, user):
    for number in range(5):
        sandbox.post(f"post {number}")
    return BufferClient(link_to(sandbox, user))


def texts(nodes):
    return [node["text"] for node in nodes]


def test_all_nodes_come_in_their_order(sandbox, client_):
    found = texts(client_.paginate(POSTS, OURS))
    assert found == ["post 0", "post 1", "post 2", "post 3", "post 4"]
    assert len(sandbox.requests_to("api")) == 3


def test_a_page_is_asked_for_when_it_is_needed(sandbox, client_):
    nodes = client_.paginate(POSTS, OURS)
    assert sandbox.requests_to("api") == []
    assert texts(islice(nodes, 2)) == ["post 0", "post 1"]
    assert len(sandbox.requests_to("api")) == 1


def test_no_posts_are_no_nodes(sandbox, user):
    client = BufferClient(link_to(sandbox, user))
    assert list(client.paginate(POSTS, OURS)) == []


def test_a_connection_under_another_name_is_found_by_its_path(client_):
    query = POSTS.replace("posts(", "mine: posts(")
    assert len(list(client_.paginate(query, OURS, path="mine"))) == 5


def test_it_begins_behind_a_given_cursor(client_):
    query = POSTS.replace("edges {", "edges { cursor")
    first = client_.execute(query, OURS)["posts"]["edges"][0]["cursor"]
    assert texts(client_.paginate(POSTS, {**OURS, "after": first}))[0] == "post 1"


def test_the_callers_variables_stay_as_they_are(client_):
    variables = dict(OURS)
    list(client_.paginate(POSTS, variables))
    assert variables == OURS


@pytest.mark.parametrize(
    "query",
    [
        "query { account { id } }",
        "mutation ($after: String) { deletePost(input: {id: $after}) { __typename } }",
    ],
)
def test_a_query_without_a_cursor_is_refused_where_it_is_given(client_, query):
    with pytest.raises(ValueError, match=r"declares \$after: String"):
        client_.paginate(query)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        (POSTS, "account.posts"),
        (POSTS.replace("pageInfo { hasNextPage endCursor }", ""), "posts"),
        (POSTS.replace("{ node { text } }", "{ cursor }"), "posts"),
    ],
)
def test_an_answer_without_a_page_says_what_to_select(client_, query, path):
    with pytest.raises(ValueError, match=r"edges \{ node"):
        list(client_.paginate(query, OURS, path=path))


@pytest.mark.parametrize("cursor", ["cursor-1", None])
def test_pages_that_do_not_move_on_end_with_an_error(sandbox, client_, cursor):
    page = {"edges": [], "pageInfo": {"hasNextPage": True, "endCursor": cursor}}
    changes = {"data": {"posts": page}, "errors": None}
    sandbox.fail_next("alter", None, on="api", changes=changes)
    with pytest.raises(ValueError, match="do not move on"):
        list(client_.paginate(POSTS, OURS))


def test_an_error_on_a_later_page_comes_after_its_nodes(sandbox, client_):
    sandbox.fail_next("graphql_error", on="api", after=1, code="UNEXPECTED")
    nodes = client_.paginate(POSTS, OURS)
    assert texts(islice(nodes, 2)) == ["post 0", "post 1"]
    with pytest.raises(BufferAPIError):
        next(nodes)


def test_they_may_be_awaited(sandbox, client_):
    async def nodes():
        return [node async for node in client_.apaginate(POSTS, OURS)]

    assert texts(async_to_sync(nodes)()) == ["post 0", "post 1", "post 2", "post 3", "post 4"]
    assert len(sandbox.requests_to("api")) == 3


def test_what_cannot_be_paged_is_refused_where_it_is_given(client_):
    with pytest.raises(ValueError, match=r"declares \$after: String"):
        client_.apaginate("query { account { id } }")
