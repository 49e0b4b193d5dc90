"""The transport against a server that checks PKCE, rotates tokens and kills reused grants."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest

from buffer_connect.graphql import ACCOUNT_QUERY, payload
from buffer_connect.oauth.authorization import authorization_url, code_challenge, new_verifier
from buffer_connect.oauth.token import Verdict
from buffer_connect.sandbox import Sandbox
from buffer_connect.sealing import Secret
from buffer_connect.transport import call_api, exchange, refresh

REDIRECT_URI = "http://127.0.0.1/callback/?a=b"


@pytest.fixture(params=[False, True], ids=["confidential", "public"])
def sandbox(request, configure):
    with Sandbox(public_client=request.param) as sandbox:
        secret = None if request.param else sandbox.options.client_secret
        configure(
            CLIENT_ID=sandbox.options.client_id,
            CLIENT_SECRET=secret,
            ISSUER=sandbox.url,
            API_URL=sandbox.api_url,
        )
        yield sandbox


def refreshed(tokens):
    return refresh(Secret(tokens.refresh_token), write_by=time.monotonic() + 60)


def authorized(sandbox, verifier):
    url = authorization_url(
        f"{sandbox.url}/auth",
        client_id=sandbox.options.client_id,
        redirect_uri=REDIRECT_URI,
        scopes=["account:read", "offline_access"],
        state=Secret("s" * 43),
        challenge=code_challenge(verifier),
    )
    return Secret(parse_qs(urlsplit(sandbox.authorize(url)).query)["code"][0])


def test_a_code_becomes_tokens_that_the_api_takes(sandbox):
    verifier = new_verifier()
    code = authorized(sandbox, verifier)
    outcome = exchange(code=code, verifier=verifier, redirect_uri=REDIRECT_URI)
    answer = call_api(outcome.tokens.access_token, payload(ACCOUNT_QUERY), total=5)
    assert answer.data["account"]["id"] == "account-1"


def test_a_code_with_another_verifier_is_refused(sandbox):
    code = authorized(sandbox, new_verifier())
    outcome = exchange(code=code, verifier=new_verifier(), redirect_uri=REDIRECT_URI)
    assert outcome.verdict is Verdict.REFUSED


def test_a_refresh_token_is_followed_by_the_current_one(sandbox):
    outcome = refreshed(sandbox.issue())
    assert sandbox.is_current(outcome.tokens.refresh_token.reveal())


def test_a_used_refresh_token_is_refused(sandbox):
    tokens = sandbox.issue()
    refreshed(tokens)
    assert refreshed(tokens).verdict is Verdict.REFUSED


def test_a_lost_answer_is_unknown_and_the_token_was_sent_once(sandbox):
    tokens = sandbox.issue()
    sandbox.fail_next("lose_answer")
    assert refreshed(tokens).verdict is Verdict.UNKNOWN
    assert len(sandbox.requests_to("token")) == 1
    assert not sandbox.is_current(tokens.refresh_token)


def test_a_wrong_client_is_told_apart_from_a_wrong_token(sandbox, configure):
    configure(CLIENT_ID="somebody-else")
    assert refreshed(sandbox.issue()).verdict is Verdict.CLIENT_REJECTED
