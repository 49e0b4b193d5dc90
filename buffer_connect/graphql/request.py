"""What is sent to Buffer's GraphQL API, read as far as the client has to know it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# The group holds what matters here of GraphQL's lexical tokens (specification, section 2.1);
# strings and comments, in which anything may stand, match outside of it.
_LEXEME = re.compile(
    r'"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\\r\n])*"|#[^\r\n]*|(\$?\w+|[(){}:])', re.DOTALL
)
_DEPTH = {"(": 1, "{": 1, ")": -1, "}": -1}


def payload(query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what is posted as JSON for `query`."""
    return {"query": query, "variables": dict(variables)} if variables else {"query": query}


def is_mutation(query: str) -> bool:
    """Return whether an operation in the document `query` is a mutation.

    Fields, arguments and fragments may have that name too, so braces are counted.
    """
    depth, begins = 0, True
    for lexeme in _lexemes(query):
        if begins and lexeme == "mutation":
            return True
        depth += _DEPTH.get(lexeme, 0)
        begins = depth == 0 and lexeme == "}"
    return False


def declares(query: str, variable: str) -> bool:
    """Return whether an operation in the document `query` declares `$variable`."""
    # A colon behind a variable stands in a declaration and nowhere else.
    return (f"${variable}", ":") in pairwise(_lexemes(query))


def _lexemes(query: str) -> list[str]:
    return [lexeme for lexeme in _LEXEME.findall(query) if lexeme]
