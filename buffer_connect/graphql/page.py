"""One page of a connection: `edges { node }` and where the next page begins (Relay's convention)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from buffer_connect.exceptions import printable
from buffer_connect.graphql.request import declares, is_mutation

if TYPE_CHECKING:
    from collections.abc import Mapping

SELECTION = "edges { node { … } } pageInfo { hasNextPage endCursor }"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The nodes of one page, whether there is another, and the cursor behind which that begins."""

    nodes: list[Any] = field(repr=False)
    has_next: bool
    end_cursor: str | None


class Pages:
    """Which page of a connection is next. Who reads them asks for it, and gives the answer back.

    Raises `ValueError` for a `query` that cannot ask for more than one page.
    """

    def __init__(self, query: str, variables: Mapping[str, Any] | None, path: str) -> None:
        if is_mutation(query) or not declares(query, "after"):
            raise ValueError("Give a query that declares $after: String and passes it on as after.")
        self.query = query
        self.has_next = True
        self._variables = dict(variables or {})
        self._path = path
        self._after = self._variables.get("after")
        self._seen: set[str | None] = set()

    def variables(self) -> dict[str, Any]:
        """Return the variables for the next page. Raises `ValueError` when that was read before."""
        if not self._seen:
            return self._variables
        if self._after in self._seen:
            raise ValueError(f"The pages do not move on: pass after: $after to {self._path!r}.")
        return {**self._variables, "after": self._after}

    def read(self, data: Mapping[str, Any]) -> list[Any]:
        """Return the nodes of the page in `data`. Raises `ValueError` where there is none."""
        page = read_page(data, self._path)
        self._seen |= {None, self._after}
        self._after, self.has_next = page.end_cursor, page.has_next
        return page.nodes


def read_page(data: Mapping[str, Any], path: str) -> Page:
    """Return the page of the connection at `path`, names with dots between them, in `data`.

    Raises `ValueError` with what to select when the answer holds no such connection.
    """
    connection: Any = data
    for name in path.split("."):
        connection = connection.get(name) if isinstance(connection, dict) else None
    try:
        info = connection["pageInfo"]
        # Buffer's schema lets a page without posts have no list of edges at all.
        nodes = [edge["node"] for edge in connection["edges"] or ()]
        return Page(nodes=nodes, has_next=info["hasNextPage"], end_cursor=info["endCursor"])
    except (KeyError, TypeError):
        message = f"No page at {printable(path)!r} in the answer: select {SELECTION} there."
        raise ValueError(message) from None
