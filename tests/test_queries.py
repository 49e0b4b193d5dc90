"""Every query that the package sends and its documentation shows is one that Buffer understands.

Held against the sandbox's schema, which is a part of Buffer's.
"""

import ast
import re
from pathlib import Path

import graphql as graphql_core
import pytest

import buffer_connect
from buffer_connect.sandbox.schema import SCHEMA
from tests.documents import CHECKOUT, DOCS, Document

PACKAGE = Path(buffer_connect.__file__).parent
OPERATION = re.compile(r"\s*(query|mutation|subscription|fragment)\b[^{]*\{")
ROOTS = (PACKAGE, CHECKOUT / "example_project", DOCS / "examples")
CODE = [path for root in ROOTS for path in root.rglob("*.py")]
PROSE = [CHECKOUT / "README.md", *DOCS.rglob("*.md")]


def in_code(source):
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    texts = [node.value for node in nodes if isinstance(node.value, str)]
    return [text for text in texts if OPERATION.match(text)]


def in_prose(path):
    document = Document(path)
    shown = [query for block in document.blocks("python") for query in in_code(block)]
    return shown + document.blocks("graphql")


FOUND = [(path, query) for path in CODE for query in in_code(path.read_text(encoding="utf-8"))]
FOUND += [(path, query) for path in PROSE for query in in_prose(path)]


@pytest.mark.parametrize(("path", "query"), FOUND, ids=[path.name for path, _ in FOUND])
def test_a_query_is_one_that_buffer_understands(path, query):
    assert graphql_core.validate(SCHEMA, graphql_core.parse(query)) == []


def test_the_queries_are_found():
    places = {path.name for path, _ in FOUND}
    shown = {"README.md", "quickstart.md", "own-http.md", "graphql.md", "ninja_api.py"}
    assert places >= {"account.py", *shown}
