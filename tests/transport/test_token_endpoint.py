import base64
import contextlib
import gzip
import logging
import socket
import time

import pytest

from buffer_connect.oauth.token import Verdict
from buffer_connect.sealing import Secret
from buffer_connect.transport import exchange, refresh
from tests.processes import wait_for
from tests.transport.raw_server import (
    answers,
    in_turn,
    response,
    then_close,
    then_flood,
    then_reset,
    then_silence,
    then_trickle,
)

# Every visible ASCII character; codes and refresh tokens may hold any of them.
AWKWARD = "".join(map(chr, range(0x21, 0x7F)))
TOKENS = {
    "access_token": "new-access",
    "token_type": "Bearer",
    "expires_in": 3600,
    "refresh_token": "new-refresh",
    "scope": "posts:read offline_access",
}
ROTATED = response(TOKENS)
HTML = response(b"<h1>Bad gateway</h1>", "502 Bad Gateway", content_type="text/html")
ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def refreshed(token="old-refresh", write_by=None):
    return refresh(Secret(token), write_by=write_by or time.monotonic() + 60)


def exchanged(code="a-code"):
    return exchange(
        code=Secret(code), verifier=Secret("v" * 43), redirect_uri="https://site.test/cb?a=b&c=%20"
    )


def test_a_refresh_is_posted_as_a_form_without_scope(serve):
    server = serve(answers(ROTATED))
    refreshed(AWKWARD)
    assert sorted(server.requests[0].form) == [
        ("client_id", "tests-client"),
        ("client_secret", "tests-client-secret"),
        ("grant_type", "refresh_token"),
        ("refresh_token", AWKWARD),
    ]


def test_a_code_is_posted_as_a_form_with_its_verifier(serve):
    server = serve(answers(ROTATED))
    exchanged(AWKWARD)
    assert sorted(server.requests[0].form) == [
        ("client_id", "tests-client"),
        ("client_secret", "tests-client-secret"),
        ("code", AWKWARD),
        ("code_verifier", "v" * 43),
        ("grant_type", "authorization_code"),
        ("redirect_uri", "https://site.test/cb?a=b&c=%20"),
    ]


@pytest.mark.parametrize("send", [refreshed, exchanged])
def test_a_public_client_names_itself_and_sends_no_secret(serve, configure, send):
    server = serve(answers(ROTATED))
    configure(CLIENT_SECRET=None)
    send()
    names = [name for name, _ in server.requests[0].form]
    assert "client_id" in names
    assert "client_secret" not in names


@pytest.mark.parametrize("secret", ["confidential", None])
@pytest.mark.parametrize("send", [refreshed, exchanged])
def test_the_headers_hold_no_credentials(serve, configure, send, secret):
    server = serve(answers(ROTATED))
    configure(CLIENT_SECRET=secret)
    send()
    headers = server.requests[0].headers
    agent = headers.pop("user-agent")
    assert agent.startswith("django-buffer-connect/")
    assert headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "connection": "keep-alive",
        "content-length": str(len(server.requests[0].body)),
        "content-type": "application/x-www-form-urlencoded",
    }


def test_netrc_and_proxies_of_the_environment_are_ignored(serve, monkeypatch, tmp_path):
    server = serve(answers(ROTATED))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert refreshed().verdict is Verdict.OK
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("send", [refreshed, exchanged])
def test_a_token_response_comes_back_as_tokens(serve, send):
    serve(answers(ROTATED))
    outcome = send()
    assert outcome.verdict is Verdict.OK
    assert outcome.tokens.access_token.reveal() == "new-access"
    assert outcome.tokens.refresh_token.reveal() == "new-refresh"
    assert outcome.tokens.scopes == ("posts:read", "offline_access")


@pytest.mark.parametrize(
    ("status", "error", "verdict"),
    [
        ("400 Bad Request", "invalid_grant", Verdict.REFUSED),
        ("401 Unauthorized", "invalid_client", Verdict.CLIENT_REJECTED),
        ("400 Bad Request", "invalid_request", Verdict.MISCONFIGURED),
        ("429 Too Many Requests", "slow_down", Verdict.THROTTLED),
        ("500 Internal Server Error", "server_error", Verdict.UNKNOWN),
    ],
)
@pytest.mark.parametrize("send", [refreshed, exchanged])
def test_an_oauth_error_is_judged_and_not_raised(serve, send, status, error, verdict):
    serve(answers(response({"error": error}, status, retry_after="7")))
    outcome = send()
    assert (outcome.verdict, outcome.error) == (verdict, error)
    assert outcome.retry_after == 7.0


@pytest.mark.long
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(answers(HTML), id="html"),
        pytest.param(answers(response(b"[]")), id="no object"),
        pytest.param(answers(response(b"", "204 No Content")), id="no content"),
        pytest.param(answers(response(gzip.compress(b"{}" * 99))), id="compressed"),
        pytest.param(then_close(b""), id="closed"),
        pytest.param(then_close(b"nonsense\r\n\r\n"), id="no http"),
        pytest.param(then_close(b"HTTP/1.1 200 OK\r\nContent-Le"), id="closed in the headers"),
        pytest.param(then_close(response(b'{"a": 1', length=99)), id="closed in the body"),
        pytest.param(then_close(ENDLESS + b'5\r\n{"a":'), id="closed in a chunk"),
        pytest.param(then_close(ENDLESS + b"zz\r\n"), id="no chunk"),
        pytest.param(then_close(ENDLESS + b"-5\r\n" + b" " * 99), id="negative chunk"),
        pytest.param(then_close(b"HTTP/1.1 103 Early Hints\r\n\r\n" + ROTATED), id="early hints"),
        pytest.param(then_reset(), id="reset"),
        pytest.param(then_reset(b"HTTP/1.1 200 OK\r\n"), id="reset in the headers"),
        pytest.param(then_silence(), id="silence"),
        pytest.param(then_silence(response(b"{", length=99)), id="silence in the body"),
        pytest.param(then_trickle(b"HTTP/1.1 200 OK\r\n", b"X-Slow: y"), id="slow headers"),
        pytest.param(
            then_trickle(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 2"),
            id="slow and informational",
        ),
        pytest.param(then_trickle(ENDLESS, b"fff\r\n "), id="slow body"),
        pytest.param(then_flood(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 9999), id="endless body"),
        pytest.param(then_flood(ENDLESS, b"400\r\n" + b" " * 1024 + b"\r\n"), id="endless chunks"),
        pytest.param(then_flood(b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 999), id="endless header"),
        pytest.param(then_flood(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n"), id="endless headers"),
        pytest.param(then_flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="endless informational"),
        pytest.param(then_flood(ENDLESS + b"0\r\n", b"X: x\r\n"), id="endless trailers"),
    ],
)
def test_without_a_readable_answer_the_outcome_is_unknown_and_nothing_is_repeated(
    serve, timing, script
):
    server = serve(script)
    timing(read=0.5, total=1)
    started = time.monotonic()
    outcome = refreshed()
    assert (outcome.verdict, outcome.tokens, outcome.answered) == (Verdict.UNKNOWN, None, False)
    assert time.monotonic() - started < 5
    wait_for(lambda: server.requests, "the server has read the request")
    assert len(server.requests) == 1


@pytest.fixture
def standing_still(monkeypatch):
    """Return a function that lets the client's socket stand still in a method, once, for seconds."""

    def standing_still(name, seconds, *, when=lambda *_: True):
        method = getattr(socket.socket, name)

        def stood_still(sock, *arguments):
            # The server's sockets wait for ever.
            if sock.gettimeout() is None or not when(*arguments):
                return method(sock, *arguments)
            monkeypatch.setattr(socket.socket, name, method)
            time.sleep(seconds)
            if name == "recv_into":
                raise TimeoutError
            return method(sock, *arguments)

        monkeypatch.setattr(socket.socket, name, stood_still)

    return standing_still


def then_think(seconds, answer):
    def script(connection):
        connection.request()
        connection.wait(seconds)
        connection.send(answer)

    return script


@pytest.mark.long
def test_a_standstill_while_a_token_leaves_does_not_cost_its_answer(serve, timing, standing_still):
    serve(then_think(0.1, ROTATED))
    timing(total=1)
    standing_still("sendall", 1.1, when=lambda data: b"old-refresh" in data)
    assert refreshed().verdict is Verdict.OK


@pytest.mark.long
def test_a_reader_who_wakes_when_time_is_up_looks_once_more(serve, timing, standing_still):
    serve(answers(ROTATED))
    timing(total=1)
    standing_still("recv_into", 1.1)
    assert refreshed().verdict is Verdict.OK


@pytest.mark.long
def test_an_exchange_is_bounded_by_its_own_total(serve, timing):
    serve(then_silence())
    timing(exchange=1)
    started = time.monotonic()
    assert exchanged().verdict is Verdict.UNKNOWN
    assert time.monotonic() - started < 5


@pytest.mark.long
def test_the_total_ends_an_answer_whose_every_read_is_in_time(serve, timing):
    serve(then_trickle(ENDLESS, b"fff\r\n ", pause=0.01))
    timing(read=10, total=1)
    started = time.monotonic()
    assert refreshed().verdict is Verdict.UNKNOWN
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308"])
@pytest.mark.parametrize("send", [refreshed, exchanged])
def test_a_redirect_is_an_answer_and_never_followed(serve, send, status):
    elsewhere = serve(answers(ROTATED))
    serve(answers(response(b"{}", f"{status} Elsewhere", location=elsewhere.url)))
    assert send().verdict is Verdict.UNKNOWN
    assert elsewhere.connections == 0


@pytest.mark.long
def test_a_cut_answer_gives_what_it_holds_of_the_refresh_token(serve):
    held = ROTATED.index(b'"new-refresh"') + len(b'"new-refresh"')
    serve(in_turn(then_close(ROTATED[:end]) for end in range(len(ROTATED))))
    outcomes = [refreshed() for _ in ROTATED]
    saved = [outcome.tokens and outcome.tokens.refresh_token for outcome in outcomes]
    assert {outcome.verdict for outcome in outcomes[:held]} == {Verdict.UNKNOWN}
    assert saved == [None] * held + [Secret("new-refresh")] * (len(ROTATED) - held)


def test_an_answer_over_the_cap_still_gives_its_refresh_token(serve):
    serve(answers(response({**TOKENS, "padding": " " * 70_000})))
    assert refreshed().tokens.refresh_token == Secret("new-refresh")


def test_an_answer_without_a_length_ends_with_the_connection(serve):
    _, _, body = ROTATED.partition(b"\r\n\r\n")
    serve(then_close(b"HTTP/1.0 200 OK\r\n\r\n" + body))
    assert refreshed().verdict is Verdict.OK


def test_a_chunked_answer_is_put_together(serve):
    _, _, body = ROTATED.partition(b"\r\n\r\n")
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    server = serve(answers(ENDLESS + chunks + b"0\r\nX-Trailer: x\r\n\r\n"))
    assert [refreshed().verdict, refreshed().verdict] == [Verdict.OK, Verdict.OK]
    assert server.connections == 1


def test_a_host_without_an_address_was_not_sent_to(configure):
    configure(ISSUER="https://nowhere.invalid")
    outcome = refreshed()
    assert (outcome.verdict, outcome.description) == (Verdict.NOT_SENT, "gaierror")


def test_a_host_that_is_no_name_was_not_sent_to(configure):
    configure(ISSUER=f"https://{'a' * 64}.invalid")
    assert refreshed().verdict is Verdict.NOT_SENT


def test_a_refused_connection_was_not_sent_to(serve):
    with serve(answers(ROTATED)):
        pass
    assert refreshed().verdict is Verdict.NOT_SENT


@pytest.mark.long
def test_a_connection_that_is_not_accepted_in_time_was_not_sent_to(configure, timing):
    timing(connect=0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as s:
        configure(ISSUER=f"http://127.0.0.1:{listener.getsockname()[1]}")
        for _ in range(2):
            waiting = s.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        assert refreshed().verdict is Verdict.NOT_SENT


def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_request(serve, certificate):
    context, _ = certificate
    server = serve(answers(ROTATED), tls=context)
    assert refreshed().verdict is Verdict.NOT_SENT
    assert server.requests == []


def test_a_server_without_tls_gets_no_request(serve, configure):
    server = serve(lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    configure(ISSUER=server.url.replace("http:", "https:"))
    assert refreshed().verdict is Verdict.NOT_SENT


@pytest.mark.long
def test_a_handshake_that_takes_too_long_was_not_sent(serve, configure, timing):
    server = serve(lambda connection: connection.wait())
    configure(ISSUER=server.url.replace("http:", "https:"))
    timing(connect=0.2)
    assert refreshed().verdict is Verdict.NOT_SENT


def test_after_its_time_a_request_is_no_longer_written(serve):
    server = serve(answers(ROTATED))
    assert refreshed(write_by=time.monotonic() - 0.001).verdict is Verdict.NOT_SENT
    server.wait_until_served()
    assert server.requests == []


@pytest.mark.parametrize("send", [refreshed, exchanged])
def test_no_secret_is_logged_at_debug(serve, configure, caplog, send):
    caplog.set_level(logging.DEBUG)
    configure(CLIENT_SECRET="canary-secret")
    serve(answers(response({**TOKENS, "access_token": "canary-2", "refresh_token": "canary-3"})))
    send("canary-1")
    basic = base64.b64encode(b"tests-client:canary-secret").decode()
    assert "canary" not in caplog.text
    assert "v" * 43 not in caplog.text
    assert basic not in caplog.text
    assert "[redacted]" in caplog.text
    assert "completed with status 200" in caplog.text


def test_nothing_is_printed_when_http_client_is_told_to(serve, monkeypatch, capsys):
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 1)
    serve(answers(ROTATED))
    refreshed()
    assert capsys.readouterr() == ("", "")
