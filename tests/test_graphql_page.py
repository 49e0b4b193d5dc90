"""One page of a connection."""

import pytest

from buffer_connect.graphql import Page, read_page

INFO = {"hasNextPage": True, "endCursor": "c2"}
PAGE = {"edges": [{"node": {"id": "1"}}, {"node": {"id": "2"}}], "pageInfo": INFO}


def test_a_page_has_its_nodes_and_where_it_ends():
    nodes = [{"id": "1"}, {"id": "2"}]
    assert read_page({"posts": PAGE}, "posts") == Page(nodes=nodes, has_next=True, end_cursor="c2")


def test_a_connection_may_lie_deeper():
    assert read_page({"account": {"mine": PAGE}}, "account.mine").end_cursor == "c2"


@pytest.mark.parametrize("edges", [None, []], ids=str)
def test_a_page_may_be_empty(edges):
    assert read_page({"posts": {"edges": edges, "pageInfo": INFO}}, "posts").nodes == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"posts": None},
        {"posts": [PAGE]},
        {"posts": {"pageInfo": INFO}},
        {"posts": {"edges": []}},
        {"posts": {"edges": [], "pageInfo": None}},
        {"posts": {"edges": [], "pageInfo": {"endCursor": "c"}}},
        {"posts": {"edges": [], "pageInfo": {"hasNextPage": True}}},
        {"posts": {"edges": [{"cursor": "c"}], "pageInfo": INFO}},
    ],
    ids=range(9),
)
def test_what_is_no_page_says_what_to_select(data):
    with pytest.raises(ValueError, match=r"at 'posts' .* pageInfo \{ hasNextPage endCursor \}"):
        read_page(data, "posts")
