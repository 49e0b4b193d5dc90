"""Sockets, threads and the record of requests."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests

from buffer_connect.sandbox import Sandbox
from tests.processes import wait_for


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "buffer.example", "::"])
def test_it_listens_on_loopback_only(host):
    with pytest.raises(ValueError, match=r"127\.0\.0\.1"):
        Sandbox(host=host)


def test_it_has_no_address_before_it_is_started():
    with pytest.raises(RuntimeError, match="started"):
        Sandbox().url  # noqa: B018 — reading it is the act


def test_it_starts_once():
    with Sandbox() as sandbox, pytest.raises(RuntimeError, match="running"):
        sandbox.start()


def test_grants_can_be_made_before_it_is_started():
    sandbox = Sandbox()
    assert sandbox.is_current(sandbox.issue().refresh_token)


def ask_on(connection):
    connection.request("GET", "/.well-known/openid-configuration")
    connection.getresponse().read()
    return connection.sock


def test_one_connection_serves_many_requests(sandbox):
    with closing(HTTPConnection(urlsplit(sandbox.url).netloc)) as connection:
        sockets = {ask_on(connection) for _ in range(3)}
    assert len(sockets) == 1
    assert None not in sockets


def test_stopping_does_not_wait_for_slow_answers():
    with Sandbox() as sandbox, ThreadPoolExecutor() as pool:
        sandbox.fail_next("slow", on="api", seconds=60)
        asked = pool.submit(requests.post, sandbox.api_url, timeout=5)
        wait_for(lambda: sandbox.requests, "the request is there")
        sandbox.stop()
        with pytest.raises(requests.ConnectionError):
            asked.result()


def test_of_many_uses_of_one_token_one_wins_and_the_grant_dies(make_client, sandbox):
    token = sandbox.issue().refresh_token
    clients = [make_client(sandbox) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda client: client.refresh(token).status_code, clients))
    generation = sandbox.grants[0].refresh_tokens[0]
    assert sorted(answers) == [200] + [400] * 7
    assert (generation.requests, generation.uses) == (8, 8)
    assert sandbox.grants[0].reuse_detected


def test_requests_are_recorded_as_they_came(client, sandbox):
    client.refresh("a/b+c=d&e")
    recorded = sandbox.requests_to("token")[0]
    assert (recorded.method, recorded.path, recorded.query) == ("POST", "/token", "")
    assert recorded.form["refresh_token"] == ["a/b+c=d&e"]
    assert recorded.headers["content-type"] == "application/x-www-form-urlencoded"
    assert recorded.at == pytest.approx(sandbox.now(), abs=5)


def test_the_record_starts_anew(client, sandbox):
    client.refresh("unknown")
    sandbox.forget_requests()
    assert sandbox.requests == []


def test_the_record_has_an_end(make_client):
    with Sandbox(keep_requests=2) as sandbox:
        client = make_client(sandbox)
        for number in range(3):
            client.refresh(f"token-{number}")
        kept = [request.form["refresh_token"] for request in sandbox.requests]
        assert kept == [["token-1"], ["token-2"]]


def test_the_log_holds_no_query(client, make_client):
    lines = []
    with Sandbox(log=lines.append) as sandbox:
        make_client(sandbox).get(make_client(sandbox).url())
    assert lines == ["GET /auth 200"]


@pytest.mark.long
@pytest.mark.parametrize("sandbox", [{"latency": 60}], indirect=True)
def test_latency_comes_before_the_token_is_consumed(client, sandbox, gate):
    token = sandbox.issue().refresh_token
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(client.refresh, token)
        wait_for(lambda: sandbox.requests, "the request is there")
        assert sandbox.is_current(token)
        gate.set()
        assert answer.result().status_code == 200


def test_an_oversized_or_endless_body_is_not_read(sandbox):
    def endless():
        yield b"grant_type=refresh_token"

    with pytest.raises(requests.ConnectionError):
        requests.post(f"{sandbox.url}/token", data=endless(), timeout=5)
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{sandbox.url}/token", data=b"x" * 1_000_001, timeout=5)


def test_an_unknown_path_is_not_found(client, sandbox):
    assert client.get(f"{sandbox.url}/nowhere").status_code == 404
