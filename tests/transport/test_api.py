import json
import logging
import time

import pytest
from django.views.debug import ExceptionReporter

from buffer_connect.exceptions import BufferUnavailable
from buffer_connect.sealing import Secret
from buffer_connect.transport import call_api
from tests.processes import wait_for
from tests.transport.raw_server import (
    answers,
    response,
    then_close,
    then_flood,
    then_reset,
    then_silence,
    then_trickle,
)

DATA = response({"data": {"account": {"id": "1"}}})
# Not whole in the source, whose lines an error report quotes.
CANARY = "-".join(["access", "canary"])
ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def call(payload=None, total=5.0):
    return call_api(Secret(CANARY), payload or {"query": "{ account { id } }"}, total=total)


def test_a_call_is_json_with_the_token_in_the_header_only(serve):
    server = serve(answers(DATA))
    call({"query": "é", "variables": {"id": "1"}})
    request = server.requests[0]
    assert request.line == "POST /graphql?v=1 HTTP/1.1"
    assert json.loads(request.body) == {"query": "é", "variables": {"id": "1"}}
    assert request.headers.pop("user-agent").startswith("django-buffer-connect/")
    assert request.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Bearer {CANARY}",
        "content-length": str(len(request.body)),
        "content-type": "application/json",
    }


def test_netrc_does_not_replace_the_token(serve, monkeypatch, tmp_path):
    server = serve(answers(DATA))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    call()
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"


def test_data_come_back(serve):
    serve(answers(DATA))
    assert call().data == {"account": {"id": "1"}}


def test_an_answer_of_several_megabytes_is_read_whole(serve):
    serve(answers(response({"data": {"text": "x" * 5_000_000}})))
    assert len(call().data["text"]) == 5_000_000


def test_calls_share_a_connection(serve):
    server = serve(answers(DATA))
    call()
    call()
    assert (server.connections, len(server.requests)) == (1, 2)


@pytest.mark.parametrize(
    "status", ["401 Unauthorized", "429 Too Many Requests", "503 Service Unavailable"]
)
def test_an_error_is_an_answer_and_not_repeated(serve, status):
    server = serve(answers(response({"errors": []}, status)))
    assert call().status == int(status[:3])
    assert len(server.requests) == 1


def test_a_redirect_takes_the_token_nowhere(serve):
    elsewhere = serve(answers(DATA))
    serve(answers(response(b"", "307 Elsewhere", location=elsewhere.url)))
    assert call().status == 307
    assert elsewhere.connections == 0


@pytest.mark.long
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(then_close(DATA[:-1]), id="cut"),
        pytest.param(then_silence(DATA[:-1]), id="silence"),
        pytest.param(then_trickle(ENDLESS, b"fff\r\n "), id="slow"),
        pytest.param(then_flood(ENDLESS, b"ffff\r\n" + b" " * 0xFFFF + b"\r\n"), id="endless"),
    ],
)
def test_an_answer_without_an_end_is_incomplete(serve, script):
    serve(script)
    assert not call(total=1).complete


@pytest.mark.long
@pytest.mark.parametrize("script", [then_close(b""), then_reset(), then_silence()])
def test_without_an_answer_a_call_may_have_been_carried_out_and_is_not_repeated(serve, script):
    server = serve(script)
    with pytest.raises(BufferUnavailable, match="may have been carried out"):
        call(total=1)
    wait_for(lambda: server.requests, "the server has read the request")
    assert len(server.requests) == 1


def test_a_call_that_cannot_connect_was_not_sent(serve):
    with serve(answers(DATA)):
        pass
    with pytest.raises(BufferUnavailable, match="was not sent"):
        call()


def test_a_token_that_is_no_header_was_not_sent(serve):
    server = serve(answers(DATA))
    with pytest.raises(BufferUnavailable, match="was not sent"):
        call_api(Secret("a\r\nb: c"), {"query": "{ a }"}, total=5)
    server.wait_until_served()
    assert server.requests == []


def test_a_payload_that_is_no_json_is_the_callers_error():
    with pytest.raises(ValueError, match="JSON compliant"):
        call({"query": "{ a }", "variables": {"x": float("nan")}})


@pytest.mark.long
def test_the_total_bounds_a_call_whose_every_read_is_in_time(serve):
    serve(then_trickle(b"HTTP/1.1 200 OK\r\n", b"X-Slow: y", pause=0.01))
    started = time.monotonic()
    with pytest.raises(BufferUnavailable):
        call(total=0.2)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("debug", [True, False])
def test_the_error_report_of_a_failed_call_holds_no_token(serve, settings, debug):
    settings.DEBUG = debug
    serve(then_close(b""))
    with pytest.raises(BufferUnavailable) as raised:
        call()
    report = ExceptionReporter(None, raised.type, raised.value, raised.tb)
    assert "_reply" not in report.get_traceback_text()
    assert CANARY not in report.get_traceback_html()
    assert CANARY not in report.get_traceback_text()


def test_a_failed_call_is_chained_to_nothing_that_holds_the_request(serve):
    serve(then_close(b""))
    with pytest.raises(BufferUnavailable) as raised:
        call()
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


def test_no_token_is_logged_at_debug(serve, caplog):
    caplog.set_level(logging.DEBUG)
    serve(answers(DATA))
    call()
    assert CANARY not in caplog.text


def test_the_windows_of_the_rate_limit_may_come_in_lines_of_their_own(serve):
    body = b'{"data": {}}'
    lines = [
        'RateLimit: "a";r=9;t=5',
        'RateLimit-Policy: "a";q=10;w=900',
        'ratelimit: "b";r=99;t=5',
        'ratelimit-policy: "b";q=100;w=86400',
        f"Content-Length: {len(body)}",
    ]
    head = "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()
    serve(answers(head + body))
    limits = call().rate_limits
    assert {name: each.remaining for name, each in limits.items()} == {"15m": 9, "24h": 99}
