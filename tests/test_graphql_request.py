"""What the client reads of a document before it sends it."""

import pytest

from buffer_connect.graphql import declares, is_mutation


@pytest.mark.parametrize(
    "query",
    [
        "mutation { deletePost }",
        "mutation{deletePost}",
        "# a comment\n mutation Share($post: CreatePostInput!) { createPost(input: $post) { id } }",
        "fragment F on Post { id } mutation { createPost { ...F } }",
        "query One { account { id } } mutation Two { deletePost }",
        'query ($text: String = "}") { a(b: "}") } mutation { c }',
        'query { a(b: """ " \\""" } """) } mutation { c }',
        "query ($input: I = {a: {b: 1}}) @on(x: {}) { a } mutation { c }",
    ],
    ids=range(8),
)
def test_which_documents_hold_a_mutation(query):
    assert is_mutation(query)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "{ mutation }",
        "query { mutation }",
        "query mutation { account { id } }",
        "query { a } # mutation { b }",
        'query { a(b: "} mutation { c }") }',
        'query { a(b: """} mutation { c }""") }',
        'query { a(b: "\\"} mutation { c }") }',
        "query ($input: I = {a: 1}, $mutation: String) { a(mutation: $mutation) }",
        "fragment mutation on Post { id } query { post { ...mutation } }",
        "subscription { a }",
        "query { a",
    ],
    ids=range(12),
)
def test_which_documents_hold_none(query):
    assert not is_mutation(query)


@pytest.mark.parametrize(
    "query",
    [
        "query ($after: String) { a }",
        "query Posts($first: Int, $after:String=null) { a }",
        "query (\n  $first: Int # how many\n  $after # where\n  : String\n) { a }",
    ],
    ids=range(3),
)
def test_which_documents_declare_a_variable(query):
    assert declares(query, "after")


@pytest.mark.parametrize(
    "query",
    [
        "query { posts(after: null) { a } }",
        "query { posts(after: $after, first: 2) { a } }",
        "query ($afterwards: String) { a }",
        "query { a } # ($after: String)",
        'query { a(b: "$after: String") }',
    ],
    ids=range(5),
)
def test_which_documents_do_not(query):
    assert not declares(query, "after")
