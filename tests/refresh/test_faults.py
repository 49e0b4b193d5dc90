"""Answers that no proper server gives, over a real socket: what they leave of a link.

A link is kept when the answer held a successor, free when its token was surely not used, and else
in doubt; none of them ends it.
"""

import gzip
import json
from datetime import timedelta
from threading import Event

import pytest

from buffer_connect import flows
from buffer_connect.models import BufferLink
from tests.links import held, link_to, tokens_of
from tests.refresh.answers import AS_JSON, CHUNKED, ROTATED, TOKENS, chunk, state
from tests.refresh.steps import STORE, after_each
from tests.transport.raw_server import (
    RawServer,
    answers,
    response,
    self_signed,
    then_close,
    then_flood,
    then_reset,
    then_silence,
    then_trickle,
)

PREFIX = AS_JSON[:-1].decode()
MEGABYTES = 10_000_000
# Deeper than Python reads, and all of it within what is read of an answer.
OBJECTS = '{"":' * 12_000 + "1" + "}" * 12_000
LISTS = "[" * 30_000 + "]" * 30_000


def endless(status, headers=b"Content-Type: text/html"):
    return b"HTTP/1.1 %s\r\n%s\r\n\r\n" % (status, headers)


SLOW = {
    "silence": (then_silence(), "in doubt"),
    "silence behind the tokens": (then_silence(ROTATED[:-1]), "refresh token kept"),
    "slow-loris in the headers": (
        then_trickle(b"HTTP/1.1 200 OK\r\n", b"X-Slow: y", pause=0.01),
        "in doubt",
    ),
    "slow-loris in the body": (then_trickle(CHUNKED, b"fff\r\n ", pause=0.01), "in doubt"),
    "slow-loris behind the tokens": (
        then_trickle(CHUNKED + chunk(PREFIX.encode()), b"fff\r\n ", pause=0.01),
        "refresh token kept",
    ),
}


@pytest.fixture
def impatient(settings):
    """Wait for an answer for three seconds."""
    timing = {name: timedelta(seconds=3) for name in ("READ", "TOTAL")}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}


OUTCOMES = {
    "redirect": (answers(response(TOKENS, "302 Found", location="/elsewhere")), "in doubt"),
    "redirect that keeps the method": (
        answers(response(b"", "307 Temporary Redirect", location="/elsewhere")),
        "in doubt",
    ),
    "not modified": (then_close(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "in doubt"),
    "no content": (answers(response(b"", "204 No Content")), "in doubt"),
    "other success": (answers(response(TOKENS, "201 Created")), "in doubt"),
    "404 of a proxy": (answers(response(b"not here", "404 Not Found")), "in doubt"),
    "401 without a word": (answers(response(b"", "401 Unauthorized")), "in doubt"),
    "400 invalid_client": (
        answers(response({"error": "invalid_client"}, "400 Bad Request")),
        "free",
    ),
    "429 of a proxy": (answers(response(b"<html>", "429 Too Many Requests")), "free"),
    "403 invalid_grant": (
        answers(response({"error": "invalid_grant"}, "403 Forbidden")),
        "in doubt, and over",
    ),
    "500 invalid_grant": (
        answers(response({"error": "invalid_grant"}, "500 Internal Server Error")),
        "in doubt, and over",
    ),
    "502 invalid_client": (
        answers(response({"error": "invalid_client"}, "502 Bad Gateway")),
        "in doubt",
    ),
    "200 with an error": (answers(response({"error": "server_error"})), "in doubt, and over"),
    "200 invalid_grant": (answers(response({"error": "invalid_grant"})), "in doubt, and over"),
    "cut refusal": (
        then_close(response({"error": "invalid_grant"}, "400 Bad Request", length=99)),
        "in doubt",
    ),
    "refusal in a list": (
        answers(response([{"error": "invalid_grant"}], "400 Bad Request")),
        "in doubt",
    ),
    "reset": (then_reset(), "in doubt"),
    "reset in the body": (then_reset(response(b"{", length=99)), "in doubt"),
    "end": (then_close(b""), "in doubt"),
    "10 MB": (answers(response({"padding": " " * MEGABYTES, **TOKENS})), "in doubt"),
    "10 MB behind the tokens": (
        answers(response({**TOKENS, "padding": " " * MEGABYTES})),
        "refresh token kept",
    ),
    "10 MB of an error": (
        answers(response({"error": "invalid_grant", "x": " " * MEGABYTES}, "400 Bad Request")),
        "in doubt",
    ),
    "endless body": (then_flood(endless(b"200 OK"), b" " * 9999), "in doubt"),
    "endless behind the tokens": (
        then_flood(endless(b"200 OK") + PREFIX.encode(), b" " * 9999),
        "refresh token kept",
    ),
    "endless error": (then_flood(endless(b"500 Internal Server Error"), b" " * 9999), "in doubt"),
    "endless chunks": (then_flood(CHUNKED, chunk(b" " * 9999)), "in doubt"),
    "compressed": (
        answers(response(gzip.compress(AS_JSON), content_encoding="gzip")),
        "in doubt",
    ),
    "gzip bomb": (
        answers(response(gzip.compress(AS_JSON + b" " * MEGABYTES), content_encoding="gzip")),
        "in doubt",
    ),
    "deep objects": (answers(response(OBJECTS.encode())), "in doubt"),
    "deep lists": (answers(response(LISTS.encode())), "in doubt"),
    "deep before the tokens": (
        answers(response(f'{{"x": {OBJECTS}, {PREFIX[1:]}}}'.encode())),
        "in doubt",
    ),
    "deep behind the tokens": (
        answers(response(f'{PREFIX}, "x": {LISTS}}}'.encode())),
        "refresh token kept",
    ),
    "a refusal with something deep": (
        answers(
            response(f'{{"error": "invalid_grant", "x": {LISTS}}}'.encode(), "400 Bad Request")
        ),
        "in doubt",
    ),
    "twice a refresh token": (
        answers(response(f'{{"refresh_token": "an-older-one", {PREFIX[1:]}}}'.encode())),
        "kept",
    ),
    "twice an access token": (
        answers(response(f'{{"access_token": "an-older-one", {PREFIX[1:]}}}'.encode())),
        "kept",
    ),
    "two objects": (answers(response(AS_JSON * 2)), "refresh token kept"),
    "byte order mark": (answers(response(b"\xef\xbb\xbf" + AS_JSON)), "kept"),
    "other encoding": (answers(response(json.dumps(TOKENS).encode("utf-16"))), "in doubt"),
    "lone surrogates": (
        answers(response({**TOKENS, "scope": "\ud800", "id_token": "\udfff", "\ud800": 1})),
        "kept",
    ),
    "an error of lone surrogates": (
        answers(response({"error": "\ud800", "error_description": "\udfff"}, "400 Bad Request")),
        "in doubt",
    ),
    "an access token of lone surrogates": (
        answers(response({**TOKENS, "access_token": "\ud800"})),
        "refresh token kept",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize(("script", "expected"), OUTCOMES.values(), ids=OUTCOMES)
def test_what_an_answer_leaves_of_a_link(swept, link, script, expected):
    server = swept(script)
    assert state(link) == expected
    assert len(server.requests) == 1


@pytest.mark.long
@pytest.mark.parametrize(("script", "expected"), SLOW.values(), ids=SLOW)
def test_what_an_answer_without_an_end_leaves_of_it(swept, impatient, link, script, expected):
    server = swept(script)
    assert state(link) == expected
    assert len(server.requests) == 1


NOT_A_LIFE = [
    None,
    0,
    -1,
    True,
    60.5,
    1e999,
    float("nan"),
    "",
    "soon",
    "-5",
    "60.5",
    [60],
    {"s": 60},
    "\ud800",
]


@pytest.mark.long
@pytest.mark.parametrize("expires_in", NOT_A_LIFE, ids=repr)
def test_a_life_that_is_none_is_an_hour(swept, link, expires_in):
    swept(answers(response({**TOKENS, "expires_in": expires_in})))
    assert state(link) == "kept"
    assert timedelta(minutes=59) < held(link).life_left <= timedelta(hours=1)


@pytest.mark.long
def test_nor_is_one_that_is_not_told(swept, link):
    swept(answers(response({name: TOKENS[name] for name in TOKENS if name != "expires_in"})))
    assert state(link) == "kept"
    assert timedelta(minutes=59) < held(link).life_left <= timedelta(hours=1)


@pytest.mark.long
def test_of_two_lives_the_last_one_counts(swept, link):
    swept(answers(response(f'{PREFIX}, "expires_in": 7200}}'.encode())))
    assert state(link) == "kept"
    assert timedelta(minutes=119) < held(link).life_left <= timedelta(hours=2)


@pytest.mark.parametrize(
    "expires_in", [10**30, "9" * 5000, 31_536_001], ids=["big", "text", "year"]
)
def test_no_life_is_longer_than_a_year(swept, link, expires_in):
    swept(answers(response({**TOKENS, "expires_in": expires_in})))
    assert timedelta(days=364) < held(link).life_left <= timedelta(days=365)


@pytest.mark.long
def test_a_slow_loris_holds_nobody_else_up(swept, sandbox, link, other_user):
    slow = link_to(sandbox, other_user, account="account-2")
    its_token = tokens_of(slow)[1]
    # It goes first.
    an_hour_ago = held(slow).database_now - timedelta(hours=1)
    BufferLink.objects.filter(pk=slow.pk).update(refresh_due_at=an_hour_ago)

    is_stored, was_stored = Event(), []

    def script(connection):
        while request := connection.request():
            if dict(request.form)["refresh_token"] == its_token:
                connection.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                was_stored.append(is_stored.wait(20))
                return
            connection.send(ROTATED)

    with after_each(STORE, lambda params: is_stored.set()):
        swept(script)
    assert (state(slow), state(link)) == ("in doubt", "kept")
    assert was_stored == [True]


def test_a_server_that_nobody_vouches_for_gets_no_token(swept, link, tmp_path):
    server = swept(answers(ROTATED), tls=self_signed(tmp_path)[0])
    assert (state(link), server.requests) == ("free", [])


@pytest.mark.long
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda c: c.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), id="speaks http"),
        pytest.param(lambda c: c.send(b"\x15\x03\x03\x00\x02\x02\x28"), id="alert"),
        pytest.param(lambda c: None, id="hangs up"),
        pytest.param(lambda c: c.wait(1), id="silent"),
    ],
)
def test_a_handshake_that_fails_sends_nothing(link, settings, script):
    with RawServer(script) as server:
        endpoints = {"token": server.url.replace("http:", "https:")}
        timing = {"CONNECT": timedelta(seconds=0.2)}
        ours = {"ENDPOINTS": endpoints, "TIMING": timing}
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **ours}
        flows.sweep()
    assert state(link) == "free"


@pytest.mark.long
def test_a_next_refresh_token_of_lone_surrogates_is_none(swept, link):
    swept(answers(response({**TOKENS, "refresh_token": "\ud800"})))
    row = held(link)
    assert (row.is_active, row.generation, tokens_of(link)[0]) == (True, 2, "new-access")
