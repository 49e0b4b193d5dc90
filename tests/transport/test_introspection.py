"""Introspection requests on the wire (RFC 7662 section 2)."""

import pytest

from buffer_connect.sealing import Secret
from buffer_connect.transport import Introspection, introspect
from tests.transport.raw_server import answers, response, then_close


def said():
    return introspect(Secret("a-refresh-token"), total=5.0)


def test_the_token_is_posted_as_a_form_with_its_kind_and_the_client(serve):
    server = serve(answers(response(b'{"active": true}')))
    assert said() is Introspection.ACTIVE
    assert server.requests[0].line == "POST /token/introspection HTTP/1.1"
    assert sorted(server.requests[0].form) == [
        ("client_id", "tests-client"),
        ("client_secret", "tests-client-secret"),
        ("token", "a-refresh-token"),
        ("token_type_hint", "refresh_token"),
    ]


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (response(b'{"active": false}'), Introspection.INACTIVE),
        (response(b'{"active": "true"}'), Introspection.UNTOLD),
        (response(b'{"active": 1}'), Introspection.UNTOLD),
        (response(b"{}"), Introspection.UNTOLD),
        (response(b"[true]"), Introspection.UNTOLD),
        (response(b'{"active": true}', status="404 Not Found"), Introspection.UNTOLD),
        (response(b'{"active": false}', status="401 Unauthorized"), Introspection.UNTOLD),
        (response(b"<html>"), Introspection.AWAY),
        (response(b"[" * 100_000), Introspection.AWAY),
        (response(b'{"active": false}', status="503 Service Unavailable"), Introspection.AWAY),
        (response(b"", status="429 Too Many Requests"), Introspection.AWAY),
    ],
    ids=range(11),
)
def test_only_a_boolean_of_a_200_says_something(serve, answer, meaning):
    serve(answers(answer))
    assert said() is meaning


def test_an_answer_that_is_cut_says_nothing(serve):
    serve(then_close(response(b'{"active": false}')[:-1]))
    assert said() is Introspection.AWAY


def test_where_it_is_turned_off_nothing_is_asked(serve, configure):
    server = serve(answers(response()))
    configure(ENDPOINTS={"introspection": None})
    assert said() is Introspection.UNTOLD
    assert server.requests == []
