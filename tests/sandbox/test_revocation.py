"""Revocation, introspection and discovery."""

import pytest

from buffer_connect.sandbox import End
from tests.sandbox.client import REFUSED


def test_revoking_a_refresh_token_ends_its_grant(client, sandbox):
    tokens = sandbox.issue()
    answer = client.revoke(tokens.refresh_token)
    assert (answer.status_code, answer.text) == (200, "")
    assert client.api(tokens.access_token).status_code == 401
    assert client.refresh(tokens.refresh_token).json() == REFUSED
    assert sandbox.grants[0].revoked_by is End.CLIENT


def test_revoking_an_unknown_token_is_no_error(client):
    assert client.revoke("unknown").status_code == 200


def test_revoking_an_access_token_does_nothing(client, sandbox):
    tokens = sandbox.issue()
    answer = client.revoke(tokens.access_token)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_token_type")
    assert sandbox.is_current(tokens.refresh_token)


@pytest.mark.parametrize("path", ["/token/revocation", "/token/introspection"])
def test_both_endpoints_ask_who_the_client_is(client, sandbox, path):
    token = sandbox.issue().refresh_token
    fields = client.credentials() | {"token": token, "client_secret": "wrong"}
    assert client.post(path, fields).status_code == 401
    assert sandbox.is_current(token)


@pytest.mark.parametrize("path", ["/token/revocation", "/token/introspection"])
def test_both_endpoints_need_a_token(client, path):
    assert client.post(path, client.credentials()).json()["error"] == "invalid_request"


def test_introspection_has_no_side_effect(client, sandbox):
    token = sandbox.issue().refresh_token
    answers = [client.introspect(token).json() for _ in range(2)]
    assert [answer["active"] for answer in answers] == [True, True]
    assert sandbox.is_current(token)
    assert sandbox.grants[0].refresh_tokens[0].uses == 0


def test_a_consumed_refresh_token_is_inactive_and_its_grant_lives(client, sandbox):
    token = sandbox.issue().refresh_token
    new = client.refresh(token).json()["refresh_token"]
    assert client.introspect(token).json() == {"active": False}
    assert client.introspect(new).json()["active"] is True


def test_revoked_and_unknown_tokens_are_inactive(client, sandbox):
    token = sandbox.issue().refresh_token
    sandbox.revoke_account("account-1")
    assert client.introspect(token).json() == {"active": False}
    assert client.introspect("unknown").json() == {"active": False}


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_the_discovery_documents_name_this_server(client, sandbox, name):
    document = client.get(f"{sandbox.url}/.well-known/{name}").json()
    assert document["issuer"] == sandbox.url
    assert document["token_endpoint"] == f"{sandbox.url}/token"
    assert document["code_challenge_methods_supported"] == ["S256"]


def test_only_the_openid_document_names_every_endpoint(client, sandbox):
    short = client.get(f"{sandbox.url}/.well-known/oauth-authorization-server").json()
    long = client.get(f"{sandbox.url}/.well-known/openid-configuration").json()
    assert "introspection_endpoint" not in short
    assert long["introspection_endpoint"] == f"{sandbox.url}/token/introspection"
    assert long["authorization_response_iss_parameter_supported"] is True
