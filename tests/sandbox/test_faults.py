"""Faults on request."""

import time

import pytest
import requests

from tests.processes import wait_for
from tests.sandbox.client import query_of


@pytest.fixture
def token(sandbox):
    return sandbox.issue().refresh_token


def test_a_lost_answer_has_consumed_the_token(client, sandbox, token):
    sandbox.fail_next("lose_answer")
    with pytest.raises(requests.ConnectionError):
        client.refresh(token)
    assert not sandbox.is_current(token)
    assert not sandbox.grants[0].revoked


def test_an_outage_has_consumed_nothing(client, sandbox, token):
    sandbox.fail_next("outage")
    with pytest.raises(requests.ConnectionError):
        client.refresh(token)
    assert sandbox.is_current(token)


@pytest.mark.parametrize(("consume", "survives"), [(False, True), (True, False)])
def test_a_connection_can_be_reset_before_or_after_the_token_is_consumed(
    client, sandbox, token, consume, survives
):
    sandbox.fail_next("reset", consume=consume)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        client.refresh(token)
    assert sandbox.is_current(token) is survives


def test_a_stopped_sandbox_refuses_connections_and_keeps_its_grants(client, sandbox, token):
    sandbox.stop()
    with pytest.raises(requests.ConnectionError, match="refused"):
        client.refresh(token)
    sandbox.start()
    assert client.refresh(token).status_code == 200


def test_a_cut_answer_ends_after_so_many_bytes(client, sandbox, token):
    sandbox.fail_next("cut", size=30)
    response = client.post(
        "/token",
        client.credentials() | {"grant_type": "refresh_token", "refresh_token": token},
        stream=True,
    )
    with response, pytest.raises(requests.exceptions.ChunkedEncodingError, match="30 bytes read"):
        response.content  # noqa: B018 — reading it is the act
    assert not sandbox.is_current(token)


@pytest.mark.parametrize(("kind", "survives"), [("error_before", True), ("error_after", False)])
def test_a_server_error_comes_before_or_after_the_token_is_consumed(
    client, sandbox, token, kind, survives
):
    sandbox.fail_next(kind, status=502)
    assert client.refresh(token).status_code == 502
    assert sandbox.is_current(token) is survives


def test_a_server_error_can_be_the_endpoints_own(client, sandbox, token):
    sandbox.fail_next("error_after", status=500, error="server_error")
    assert client.refresh(token).json()["error"] == "server_error"


@pytest.mark.long
def test_a_gateway_gives_up_while_the_request_is_still_on_its_way(client, sandbox, token, gate):
    sandbox.fail_next("gateway", late=60)
    assert client.refresh(token).status_code == 504
    assert sandbox.is_current(token)
    gate.set()
    wait_for(lambda: not sandbox.is_current(token), "the request is carried out")


@pytest.mark.long
def test_a_slow_answer_is_late_and_good(client, sandbox, token):
    sandbox.fail_next("slow", seconds=0.15)
    start = time.monotonic()
    assert client.refresh(token).status_code == 200
    assert time.monotonic() - start >= 0.15


def test_a_slow_answer_holds_nobody_else_up(client, make_client, sandbox, token):
    sandbox.fail_next("slow", on="api", seconds=30)
    with pytest.raises(requests.ReadTimeout):
        client.session.post(sandbox.api_url, json={}, timeout=0.1)
    assert make_client(sandbox).refresh(token).status_code == 200


@pytest.mark.parametrize(
    ("kind", "options", "status", "error"),
    [
        ("rate_limit", {"retry_after": 7}, 429, "temporarily_unavailable"),
        ("invalid_client", {}, 401, "invalid_client"),
        ("oauth_error", {"error": "server_error", "status": 400}, 400, "server_error"),
    ],
)
def test_a_refusal_consumes_nothing(client, sandbox, token, kind, options, status, error):
    sandbox.fail_next(kind, **options)
    answer = client.refresh(token)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert sandbox.is_current(token)


def test_a_refusal_can_come_after_the_token_is_consumed(client, sandbox, token):
    sandbox.fail_next("oauth_error", error="invalid_target", consume=True)
    assert client.refresh(token).json() == {"error": "invalid_target"}
    assert not sandbox.is_current(token)


def test_a_429_of_the_api_names_wait_and_window(client, sandbox):
    sandbox.fail_next("rate_limit", on="api", retry_after=7, window="24h")
    answer = client.api(sandbox.issue().access_token)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json()["errors"][0]["extensions"] == {
        "code": "RATE_LIMIT_EXCEEDED",
        "window": "24h",
    }


def test_a_429_may_keep_the_wait_to_itself(client, sandbox, token):
    sandbox.fail_next("rate_limit", retry_after="")
    assert "Retry-After" not in client.refresh(token).headers


def test_a_redirect_carries_nothing_out(client, sandbox, token):
    sandbox.fail_next("redirect", to="/token")
    answer = client.refresh(token, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, "/token")
    assert sandbox.is_current(token)


def test_a_page_comes_where_json_was_expected(client, sandbox, token):
    sandbox.fail_next("html")
    assert client.refresh(token).text.startswith("<!DOCTYPE html>")
    assert sandbox.is_current(token)


def test_the_api_may_refuse_within_a_200(client, sandbox):
    sandbox.fail_next("graphql_error", on="api", code="UNAUTHORIZED")
    answer = client.api(sandbox.issue().access_token)
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"


def test_an_error_without_a_code_has_no_extensions(client, sandbox):
    sandbox.fail_next("graphql_error", on="api", code="")
    assert "extensions" not in client.api("any").json()["errors"][0]


def test_fields_of_an_answer_can_be_altered(client, sandbox, token):
    sandbox.fail_next("alter", changes={"refresh_token": None, "expires_in": "soon"})
    fields = client.refresh(token).json()
    assert "refresh_token" not in fields
    assert fields["expires_in"] == "soon"


def test_the_redirect_can_be_altered(client, sandbox):
    sandbox.fail_next("alter", on="authorization", changes={"iss": None, "state": "another"})
    fields = query_of(sandbox.authorize(client.url()))
    assert "iss" not in fields
    assert fields["state"] == "another"


def test_the_redirect_can_carry_any_error(client, sandbox):
    sandbox.fail_next("oauth_error", on="authorization", error="invalid_scope")
    fields = query_of(sandbox.authorize(client.url()))
    assert fields.keys() == {"error", "state", "iss"}
    assert fields["error"] == "invalid_scope"


def test_a_fault_lasts_as_often_as_told(client, sandbox):
    sandbox.fail_next("error_before", 2, after=1)
    assert [client.refresh("unknown").status_code for _ in range(4)] == [400, 503, 503, 400]


def test_a_fault_without_an_end_lasts_until_cleared(client, sandbox):
    sandbox.fail_next("error_before", None)
    assert [client.refresh("unknown").status_code for _ in range(3)] == [503] * 3
    sandbox.clear_faults()
    assert client.refresh("unknown").status_code == 400


def test_a_fault_meets_its_endpoint_only(client, sandbox, token):
    sandbox.fail_next("error_before", on="revocation")
    assert client.refresh(token).status_code == 200
    assert client.revoke("unknown").status_code == 503


def test_a_fault_may_wait_for_one_grant(client, sandbox, token):
    mine = sandbox.issue()
    sandbox.fail_next("error_before", on="all", times=2, grant=mine.grant_id)
    assert client.refresh(token).status_code == 200
    assert client.refresh(mine.refresh_token).status_code == 503
    assert client.api(mine.access_token).status_code == 503


@pytest.mark.parametrize(
    "fault", [{"kind": "earthquake"}, {"kind": "slow", "on": "moon"}, {"kind": "cut", "bytes": 3}]
)
def test_a_misspelt_fault_is_refused(sandbox, fault):
    with pytest.raises(ValueError, match=r"Unknown|no option"):
        sandbox.fail_next(**fault)


def test_requests_that_met_a_fault_are_on_record(client, sandbox, token):
    sandbox.fail_next("outage")
    with pytest.raises(requests.ConnectionError):
        client.refresh(token)
    generation = sandbox.grants[0].refresh_tokens[0]
    assert (generation.requests, generation.uses) == (1, 0)
    assert sandbox.requests_to("token")[0].form["refresh_token"] == [token]
