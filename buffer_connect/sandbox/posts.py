"""What the API tells of posts: one as a node, many as pages of a connection."""

import base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError

from buffer_connect.sandbox.records import Post

LARGEST_PAGE = 100

Node = dict[str, Any]


def node(post: Post) -> Node:
    """Return a post with Buffer's names for its fields."""
    given = post.given
    return {
        "id": post.id,
        "status": "draft" if given.get("saveToDraft") else "scheduled",
        "via": "api",
        "schedulingType": given.get("schedulingType"),
        "createdAt": datetime.fromtimestamp(post.at, UTC).isoformat(),
        "dueAt": given.get("dueAt"),
        "text": post.text,
        "channelId": post.channel,
        "shareMode": given["mode"],
    }


def page(
    posts: Iterable[Post], asked: Mapping[str, Any], first: int | None, after: str | None
) -> dict[str, Any]:
    """Return the page that `asked`, a `PostsInput`, chooses; raises `GraphQLError` for a cursor that is none."""
    nodes = _sorted(_filtered(map(node, posts), asked.get("filter") or {}), asked.get("sort"))
    start = _position(after, nodes) if after else 0
    end = start + max(1, min(first or LARGEST_PAGE, LARGEST_PAGE))
    edges = [{"node": each, "cursor": _cursor(each)} for each in nodes[start:end]]
    return {
        "edges": edges,
        "pageInfo": {
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
            "hasPreviousPage": False,
            "hasNextPage": end < len(nodes),
        },
    }


def _filtered(nodes: Iterable[Node], wanted: Mapping[str, Any]) -> list[Node]:
    channels, statuses = wanted.get("channelIds"), wanted.get("status")
    return [
        each
        for each in nodes
        if (channels is None or each["channelId"] in channels)
        and (statuses is None or each["status"] in statuses)
    ]


def _sorted(nodes: list[Node], orders: list[dict[str, str]] | None) -> list[Node]:
    # The first order counts most, so it sorts last.
    for order in reversed(orders or []):
        field, is_reversed = order["field"], order["direction"] == "desc"
        nodes = sorted(nodes, key=lambda each: each[field] or "", reverse=is_reversed)
    return nodes


def _cursor(of: Node) -> str:
    return base64.b64encode(f"post:{of['id']}".encode()).decode()


def _position(cursor: str, nodes: list[Node]) -> int:
    cursors = [_cursor(each) for each in nodes]
    if cursor not in cursors:
        raise GraphQLError("No such cursor", extensions={"code": "BAD_USER_INPUT"})
    return cursors.index(cursor) + 1
