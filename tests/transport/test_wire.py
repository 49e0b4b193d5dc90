import os
import ssl
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from buffer_connect.transport.attempt import Attempt
from buffer_connect.transport.process import WIRE
from buffer_connect.transport.wire import NoAnswer, Wire
from tests.transport.raw_server import (
    RawServer,
    answers,
    in_turn,
    response,
    self_signed,
    then_close,
    then_flood,
    then_silence,
)

PONG = response(b"pong")
HEADERS = {"Content-Length": "4"}


@pytest.fixture
def wire(certificate):
    """A wire that trusts the certificate of the tests' server, and keeps what it has opened."""
    wire = Wire(tls=lambda: ssl.create_default_context(cafile=certificate[1]), idle_seconds=60)
    yield wire
    wire.close()


def attempt(**changes):
    started = Attempt.start(total=5, cap=1000)
    for name, value in changes.items():
        setattr(started, name, value)
    return started


def post(wire, server, path="/", headers=HEADERS, **changes):
    return wire.post(server.url + path, headers=headers, body=b"ping", attempt=attempt(**changes))


def test_path_and_query_are_asked_for_and_the_body_is_sent(wire):
    with RawServer(answers(PONG)) as server:
        assert post(wire, server, "/token?a=%20b").body == b"pong"
    assert server.requests[0].line == "POST /token?a=%20b HTTP/1.1"
    assert server.requests[0].body == b"ping"


def test_a_trusted_certificate_is_accepted_and_its_connection_kept(wire, certificate):
    with RawServer(answers(PONG), tls=certificate[0]) as server:
        assert [post(wire, server).body for _ in range(3)] == [b"pong"] * 3
    assert server.connections == 1


def test_a_certificate_of_another_host_is_refused(wire, certificate):
    with RawServer(answers(PONG), tls=certificate[0]) as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        with pytest.raises(NoAnswer):
            post(wire, server)
    assert server.requests == []


def test_a_certificate_that_has_ended_is_refused(tmp_path):
    context, file = self_signed(tmp_path, ended=True)
    wire = Wire(tls=lambda: ssl.create_default_context(cafile=file))
    with RawServer(answers(PONG), tls=context) as server, pytest.raises(NoAnswer):
        post(wire, server)
    assert server.requests == []


def test_an_answer_over_tls_is_cut_where_its_connection_is(wire, certificate):
    cuts = range(PONG.index(b"pong"), len(PONG))
    with RawServer(in_turn(then_close(PONG[:end]) for end in cuts), tls=certificate[0]) as server:
        replies = [post(wire, server) for _ in cuts]
    assert [reply.body for reply in replies] == [b"", b"p", b"po", b"pon"]
    assert not any(reply.complete for reply in replies)


def test_a_request_whose_time_passes_in_the_handshake_is_not_written(wire, certificate):
    late = attempt(write_by=time.monotonic() + 0.05)
    with RawServer(answers(PONG), tls=certificate[0], handshake_delay=0.1) as server:
        with pytest.raises(NoAnswer):
            wire.post(server.url, headers=HEADERS, body=b"ping", attempt=late)
        server.wait_until_served()
    assert server.requests == []
    assert not late.written


def test_a_request_that_cannot_be_written_as_http_is_not_written(wire):
    broken = attempt()
    with RawServer(answers(PONG)) as server, pytest.raises(NoAnswer, match="ValueError"):
        wire.post(server.url, headers={"A": "b\r\nc: d"}, body=b"ping", attempt=broken)
    assert not broken.written


@pytest.mark.long
def test_a_body_that_is_not_taken_ends_with_the_attempt(wire):
    body = b"x" * 20_000_000
    with RawServer(then_silence(PONG)) as server:
        post(wire, server)
        stuck = attempt(ends_at=time.monotonic() + 1)
        with pytest.raises(NoAnswer):
            wire.post(server.url, headers={"Content-Length": "20000000"}, body=body, attempt=stuck)
    assert stuck.written
    assert time.monotonic() - stuck.ends_at < 3


@pytest.mark.long
def test_silence_after_a_late_piece_ends_with_the_attempt(wire):
    def script(connection):
        connection.request()
        connection.send(PONG[:-2])
        connection.wait(2.5)
        connection.send(PONG[-2:-1])
        connection.wait()

    end = time.monotonic() + 3
    with RawServer(script) as server:
        assert not post(wire, server, ends_at=end).complete
        assert time.monotonic() - end < 2


@pytest.mark.parametrize("head", ["Content-Length: 99999999", "Transfer-Encoding: chunked", "A: b"])
def test_a_body_over_the_cap_is_left_there(wire, head):
    flood = then_flood(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode(), b"0064\r\n" + b"x" * 102)
    started = time.monotonic()
    with RawServer(flood) as server:
        reply = post(wire, server)
    assert (len(reply.body), reply.complete) == (1000, False)
    assert time.monotonic() - started < 3


def test_a_body_shorter_than_announced_is_incomplete(wire):
    with RawServer(then_close(PONG[:-1])) as server:
        reply = post(wire, server)
    assert (reply.body, reply.complete) == (b"pon", False)


def test_a_lost_answer_counts_as_written_though_the_connection_was_kept(wire):
    lost = attempt()
    with RawServer(lambda c: (c.request(), c.send(PONG), c.request())) as server:
        post(wire, server)
        with pytest.raises(NoAnswer):
            wire.post(server.url, headers=HEADERS, body=b"ping", attempt=lost)
    assert (lost.written, len(server.requests), server.connections) == (True, 2, 1)


def test_a_kept_connection_that_the_server_has_closed_is_not_used(wire):
    with RawServer(then_close(PONG)) as server:
        post(wire, server)
        server.wait_until_served()
        assert post(wire, server).body == b"pong"
    assert server.connections == 2


def test_a_kept_connection_with_unasked_bytes_is_not_used(wire):
    answered = threading.Event()

    def script(connection):
        connection.request()
        connection.send(PONG)
        if connection.server.connections == 1 and answered.wait(5):
            connection.send(response(b"unasked"))

    with RawServer(script) as server:
        post(wire, server)
        answered.set()
        server.wait_until_served()
        assert post(wire, server).body == b"pong"


def test_unasked_bytes_in_a_tls_record_are_no_answer_either(wire, certificate):
    with RawServer(answers(PONG + b" " * 9000 + PONG), tls=certificate[0]) as server:
        post(wire, server)
        assert post(wire, server).body == b"pong"
    assert server.connections == 2


def test_a_connection_that_idles_for_long_is_not_used():
    wire = Wire(idle_seconds=0.01)
    with RawServer(answers(PONG)) as server:
        post(wire, server)
        time.sleep(0.02)
        post(wire, server)
        wire.close()
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(response(b"pong", connection="close"), id="told to close"),
        pytest.param(PONG.replace(b"HTTP/1.1", b"HTTP/1.0"), id="old protocol"),
        pytest.param(response(b"x" * 1001), id="over the cap"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n", id="informational"),
    ],
)
def test_a_connection_is_not_kept_after_an_answer_that_ends_it(wire, answer):
    with RawServer(answers(answer)) as server:
        post(wire, server)
        post(wire, server)
    assert server.connections == 2


@pytest.mark.long
def test_threads_take_turns_with_the_connections(wire):
    with RawServer(answers(PONG)) as server, ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: post(wire, server).body, range(200)))
    assert replies == [b"pong"] * 200
    assert server.connections <= 8


def test_a_child_process_leaves_its_parents_connections_alone(monkeypatch):
    monkeypatch.setattr(WIRE, "_idle_seconds", 60)
    with RawServer(answers(PONG)) as server, warnings.catch_warnings():
        # From 3.12 on: the server's threads make this process multi-threaded.
        warnings.simplefilter("ignore", DeprecationWarning)
        post(WIRE, server)
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if post(WIRE, server).body == b"pong" else 1)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert post(WIRE, server).body == b"pong"
    assert server.connections == 2


def test_an_ipv6_literal_is_an_address(wire):
    with RawServer(answers(PONG), host="::1") as server:
        assert post(wire, server).body == b"pong"
    assert server.requests[0].headers["host"] == f"[::1]:{server.port}"
