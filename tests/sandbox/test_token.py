"""The token endpoint: client authentication, codes, rotation."""

import pytest

from buffer_connect.sandbox import End, Sandbox
from tests.sandbox.client import REFUSED


@pytest.fixture
def public(make_client):
    with Sandbox(public_client=True) as sandbox:
        yield make_client(sandbox)


def test_a_code_brings_tokens(client):
    response = client.exchange(client.code())
    tokens = response.json()
    assert response.headers["Cache-Control"] == "no-store"
    assert tokens.keys() == {"access_token", "expires_in", "refresh_token", "scope", "token_type"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert 680 <= len(tokens["access_token"]) <= 860


def test_refresh_tokens_hold_every_awkward_character(sandbox):
    assert set('/+=&%"\\') <= set(sandbox.issue().refresh_token)


def test_a_wrong_verifier_neither_consumes_the_code_nor_harms_the_grant(client, sandbox):
    code = client.code()
    assert client.exchange(code, code_verifier="w" * 43).json() == REFUSED
    assert client.exchange(code).status_code == 200
    assert not sandbox.grants[0].revoked


@pytest.mark.parametrize(
    "changes", [{"code_verifier": None}, {"redirect_uri": "http://localhost/other/"}]
)
def test_a_code_is_bound_to_verifier_and_redirect_uri(client, changes):
    assert client.exchange(client.code(), **changes).json() == REFUSED


def test_a_replayed_code_kills_the_tokens_of_its_first_exchange(client, sandbox):
    code = client.code()
    tokens = client.exchange(code).json()
    assert client.exchange(code).json() == REFUSED
    assert sandbox.grants[0].revoked_by is End.CODE_REPLAY
    assert client.api(tokens["access_token"]).status_code == 401
    assert client.refresh(tokens["refresh_token"]).json() == REFUSED


def test_a_code_is_short_lived(client, sandbox):
    code = client.code()
    sandbox.advance(31)
    assert client.exchange(code).json() == REFUSED


def test_a_refresh_rotates(client, sandbox):
    old = sandbox.issue().refresh_token
    new = client.refresh(old).json()["refresh_token"]
    assert new != old
    assert (sandbox.is_current(old), sandbox.is_current(new)) == (False, True)


def test_the_old_access_token_survives_a_rotation_until_its_end(client, sandbox):
    tokens = sandbox.issue()
    client.refresh(tokens.refresh_token)
    assert client.api(tokens.access_token).status_code == 200
    sandbox.advance(3600)
    assert client.api(tokens.access_token).status_code == 401


def test_a_second_use_kills_every_token_of_the_grant(client, sandbox):
    first = sandbox.issue()
    second = client.refresh(first.refresh_token).json()
    assert client.refresh(first.refresh_token).json() == REFUSED
    assert client.refresh(second["refresh_token"]).json() == REFUSED
    assert client.api(first.access_token).status_code == 401
    assert client.api(second["access_token"]).status_code == 401
    assert sandbox.grants[0].reuse_detected


def test_reuse_harms_no_other_grant(client, sandbox):
    other = sandbox.issue()
    token = sandbox.issue().refresh_token
    client.refresh(token)
    client.refresh(token)
    assert sandbox.is_current(other.refresh_token)


def test_reused_expired_revoked_and_unknown_look_the_same(client, sandbox):
    reused, revoked, expired = (sandbox.issue().refresh_token for _ in range(3))
    client.refresh(reused)
    sandbox.revoke(sandbox.grant_of(revoked).id)
    answers = [client.refresh(token) for token in (reused, revoked, "unknown")]
    sandbox.advance(14 * 86_400)
    answers.append(client.refresh(expired))
    assert {(answer.status_code, answer.text) for answer in answers} == {
        (400, '{"error":"invalid_grant","error_description":"grant request is invalid"}')
    }


def test_a_rotation_restarts_the_idle_life_and_not_the_grants(make_client):
    with Sandbox(refresh_life=100, grant_life=150) as sandbox:
        client = make_client(sandbox)
        token = sandbox.issue().refresh_token
        sandbox.advance(90)
        token = client.refresh(token).json()["refresh_token"]
        sandbox.advance(59)
        token = client.refresh(token).json()["refresh_token"]
        sandbox.advance(1)
        assert client.refresh(token).json() == REFUSED


@pytest.mark.parametrize(("rotation", "answered"), [("same", True), ("absent", False)])
def test_rotation_may_not_happen(make_client, rotation, answered):
    with Sandbox(rotation=rotation) as sandbox:
        client = make_client(sandbox)
        token = sandbox.issue().refresh_token
        fields = client.refresh(token).json()
        assert fields.get("refresh_token") == (token if answered else None)
        assert client.refresh(token).status_code == 200


def test_more_scopes_are_refused_before_the_token_is_consumed(client, sandbox):
    token = sandbox.issue(scopes=["account:read", "offline_access"]).refresh_token
    assert client.refresh(token, scope="posts:write").json()["error"] == "invalid_scope"
    assert sandbox.is_current(token)


def test_an_invalid_target_is_told_after_the_token_is_consumed(client, sandbox):
    token = sandbox.issue().refresh_token
    answer = client.refresh(token, resource="https://api.example/")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    assert not sandbox.is_current(token)


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"client_id": "somebody-else"}, 401, "invalid_client"),
        ({"client_id": None, "client_secret": None}, 400, "invalid_request"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ["refresh_token", "refresh_token"]}, 400, "invalid_request"),
        ({"refresh_token": ""}, 400, "invalid_request"),
    ],
)
def test_a_refresh_that_is_wrong_otherwise_consumes_nothing(
    client, sandbox, changes, status, error
):
    token = sandbox.issue().refresh_token
    answer = client.refresh(**({"token": token} | changes))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert sandbox.is_current(token)


def test_basic_together_with_the_body_is_refused(client, sandbox):
    token = sandbox.issue().refresh_token
    answer = client.refresh(token, headers={"Authorization": "Basic Y2xpZW50OnNlY3JldA=="})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert sandbox.is_current(token)


def test_basic_alone_is_not_the_registered_method(client, sandbox):
    token = sandbox.issue().refresh_token
    basic = {"Authorization": "Basic Y2xpZW50OnNlY3JldA=="}
    answer = client.refresh(token, headers=basic, client_id=None, client_secret=None)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_public_client_sends_its_id_only(public):
    tokens = public.exchange(public.code()).json()
    assert public.refresh(tokens["refresh_token"]).status_code == 200


def test_a_public_client_that_sends_a_secret_is_refused(public):
    token = public.sandbox.issue().refresh_token
    answer = public.refresh(token, client_secret="anything")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert public.sandbox.is_current(token)


def test_a_client_that_prefers_html_gets_a_page(client):
    accept = {"Accept": "text/html,application/json;q=0.9"}
    answer = client.refresh("unknown", headers=accept)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/html;q=0.5"])
def test_any_other_client_gets_json(client, accept):
    answer = client.refresh("unknown", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == "application/json"


def test_the_token_endpoint_knows_post_only(client, sandbox):
    assert client.get(f"{sandbox.url}/token").status_code == 404


def test_json_is_no_form(client, sandbox):
    fields = client.credentials() | {"grant_type": "refresh_token"}
    answer = client.session.post(f"{sandbox.url}/token", json=fields)
    assert answer.json()["error"] == "invalid_request"
