"""Controls for other processes, and the page with the buttons."""

import contextlib
import hashlib

import pytest
import requests

from tests.sandbox.test_api import CREATE


def test_tokens_are_issued_from_another_process(client, sandbox):
    issued = client.control("issue", account="account-7", scopes=["account:read"]).json()
    assert sandbox.grant(issued["grant"]).account == "account-7"
    assert client.api(issued["access_token"]).status_code == 200


def test_a_form_names_scopes_in_one_string(client, sandbox):
    client.post("/sandbox/issue", {"scopes": "account:read offline_access"})
    assert sandbox.grants[0].scopes == ("account:read", "offline_access")


def test_the_state_tells_grants_by_digest(client, sandbox):
    token = sandbox.issue().refresh_token
    response = client.get(f"{sandbox.url}/sandbox/state")
    grant = response.json()["grants"][0]
    assert grant["current"] == digest(token)
    assert grant["refresh_tokens"][0]["requests"] == 0
    assert sandbox.grants[0].access_tokens[0].value not in response.text


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


def token_requests(client, sandbox, **query):
    return client.get(f"{sandbox.url}/sandbox/requests", params=query).json()["requests"]


def test_a_token_request_is_told_with_what_came_of_it(client, sandbox):
    token = sandbox.issue().refresh_token
    successor = client.refresh(token, headers={"User-Agent": "a-worker"}).json()["refresh_token"]
    (told,) = token_requests(client, sandbox)
    assert 0 <= told.pop("ended_at") - told.pop("at") < 5
    assert told == {
        "agent": "a-worker",
        "token": digest(token),
        "grant": sandbox.grants[0].id,
        "fault": "",
        "error": "",
        "status": 200,
        "successor": digest(successor),
        "delivered": True,
    }


def test_requests_of_another_endpoint_are_told_by_name(client, sandbox):
    issued = sandbox.issue()
    sandbox.fail_next("graphql_error", on="api", status=401)
    client.api(issued.access_token)
    (told,) = token_requests(client, sandbox, endpoint="api")
    assert (told["grant"], told["fault"], told["status"]) == (issued.grant_id, "graphql_error", 401)
    assert token_requests(client, sandbox) == []


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "lose_answer"}, None),
        ({"kind": "reset", "consume": True}, None),
        ({"kind": "error_after"}, 503),
        ({"kind": "cut", "size": 30}, 200),
    ],
)
def test_it_tells_what_was_consumed_and_never_arrived(client, sandbox, fault, status):
    token = sandbox.issue().refresh_token
    sandbox.fail_next(**fault)
    with contextlib.suppress(requests.RequestException):
        client.refresh(token)
    (told,) = token_requests(client, sandbox)
    current = sandbox.grants[0].current_refresh_token
    assert (told["fault"], told["status"]) == (fault["kind"], status)
    assert (told["successor"], told["delivered"]) == (digest(current), False)


def test_an_answer_that_is_cut_behind_the_token_has_delivered_it(client, sandbox):
    token = sandbox.issue().refresh_token
    sandbox.fail_next("cut", size=-1)
    with contextlib.suppress(requests.RequestException):
        client.refresh(token)
    assert token_requests(client, sandbox)[0]["delivered"]


@pytest.mark.parametrize("by", ["grant", "token", "account"])
def test_a_grant_is_revoked_by_any_of_its_names(client, sandbox, by):
    tokens = sandbox.issue()
    names = {"grant": tokens.grant_id, "token": tokens.access_token, "account": "account-1"}
    answer = client.control("revoke", **{by: names[by]})
    assert answer.json() == {"revoked": [tokens.grant_id]}
    assert not sandbox.is_current(tokens.refresh_token)


def test_an_old_token_is_replayed(client, sandbox):
    tokens = sandbox.issue()
    client.refresh(tokens.refresh_token)
    answer = client.control("replay", token=tokens.refresh_token)
    assert answer.json() == {"replayed": [tokens.grant_id]}
    assert sandbox.grants[0].reuse_detected


def test_a_fault_is_ordered_and_cleared(client, sandbox):
    client.control("faults", kind="error_before", times=None, status=500)
    assert client.refresh("unknown").status_code == 500
    assert client.control("faults", clear=True).json() == {"faults": []}
    assert client.refresh("unknown").status_code == 400


def test_the_faults_that_wait_are_told(client, sandbox):
    sandbox.fail_next("outage", 2)
    told = client.get(f"{sandbox.url}/sandbox/faults").json()
    assert told == {"faults": ["outage on token, times left: 2"]}


def test_a_fault_for_the_holder_of_a_token(client, sandbox):
    token = sandbox.issue().refresh_token
    client.control("faults", kind="error_before", token=token)
    assert client.refresh("unknown").status_code == 400
    assert client.refresh(token).status_code == 503


def test_the_clock_is_moved(client, sandbox):
    tokens = sandbox.issue()
    client.control("advance", seconds=3600)
    assert not sandbox.accepts(tokens.access_token)


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("revoke", {}),
        ("revoke", {"grant": "unknown"}),
        ("revoke", {"token": "unknown"}),
        ("faults", {"kind": "earthquake"}),
        ("advance", {"seconds": "soon"}),
    ],
)
def test_a_wrong_order_is_told(client, action, fields):
    answer = client.control(action, **fields)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_state_changes_by_post_only(client, sandbox):
    sandbox.issue()
    assert client.get(f"{sandbox.url}/sandbox/revoke?account=account-1").status_code == 404
    assert not sandbox.grants[0].revoked


@pytest.mark.parametrize("headers", [{"Host": "rebound.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_other_sites_control_nothing(client, sandbox, headers):
    tokens = sandbox.issue()
    answer = client.post("/sandbox/revoke", {"grant": tokens.grant_id}, headers=headers)
    assert answer.status_code == 403
    assert sandbox.is_current(tokens.refresh_token)


def test_a_button_leads_back_to_the_front_page(client, sandbox):
    tokens = sandbox.issue()
    answer = client.post("/sandbox/revoke", {"grant": tokens.grant_id})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert sandbox.grants[0].revoked


def test_the_front_page_shows_grants_and_faults_and_no_token(client, sandbox):
    tokens = sandbox.issue("account-2")
    sandbox.fail_next("slow", 3)
    page = client.get(f"{sandbox.url}/").text
    assert "Sandbox account 2" in page
    assert "slow on token, times left: 3" in page
    assert tokens.access_token not in page


def test_posts_are_told_and_shown(client, sandbox):
    client.api(sandbox.issue("account-2").access_token, CREATE, text="Hello <all>")
    (told,) = client.get(f"{sandbox.url}/sandbox/posts").json()["posts"]
    assert (told["account"], told["given"]["text"]) == ("account-2", "Hello <all>")
    assert "Hello &lt;all&gt;" in client.get(f"{sandbox.url}/").text


def test_the_front_page_tells_why_a_grant_ended(client, sandbox):
    tokens = sandbox.issue()
    client.refresh(tokens.refresh_token)
    sandbox.replay(tokens.grant_id)
    assert "a used refresh token came again" in client.get(f"{sandbox.url}/").text


def test_the_front_page_is_calm_without_grants(client, sandbox):
    assert "No grant yet" in client.get(f"{sandbox.url}/").text


@pytest.mark.parametrize(
    ("path", "kind"), [("/sandbox.css", "text/css"), ("/avatar.svg", "image/svg+xml")]
)
def test_assets_are_served(client, sandbox, path, kind):
    response = client.get(f"{sandbox.url}{path}")
    assert response.headers["Content-Type"].startswith(kind)
    assert response.content


def test_an_api_key_is_made_and_deleted_from_another_process(client, sandbox):
    key = client.control("keys", account="account-2").json()["key"]
    assert client.api(key).json()["data"]["account"]["id"] == "account-2"
    assert client.control("keys", delete=key).json() == {"deleted": True}
    assert not sandbox.accepts(key)
