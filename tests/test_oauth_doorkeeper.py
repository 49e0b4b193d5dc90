"""What Mastodon's documentation and Doorkeeper, on which it runs, say that they answer.

Another family of servers than the one that Buffer's resembles. The answers are judged by the same
table, which must not need Buffer's habits.
"""

import json

import pytest

from buffer_connect.oauth.lives import HOUR
from buffer_connect.oauth.revocation import Revocation, judge_revocation_response
from buffer_connect.oauth.token import Verdict, judge_token_response, says_reused
from buffer_connect.sealing import Secret

# docs.joinmastodon.org/methods/oauth: neither `expires_in` nor a refresh token.
MASTODON = {
    "access_token": "ZA-an-access-token",
    "token_type": "Bearer",
    "scope": "read write follow push",
    "created_at": 1573979017,
}
# Doorkeeper's token response with refresh tokens switched on. Older versions write "bearer" in lower
# case; a token without an end has no `expires_in`.
DOORKEEPER = {
    "access_token": "an-access-token",
    "token_type": "bearer",
    "expires_in": 7200,
    "refresh_token": "a-refresh-token",
    "created_at": 1573979017,
}
WITHOUT_END = {name: value for name, value in DOORKEEPER.items() if name != "expires_in"}
NOT_YOURS = "You are not authorized to revoke this token"
# One description for every cause, in the words of RFC 6749 section 5.2.
ONE_FOR_ALL = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection "
    "URI used in the authorization request, or was issued to another client."
)


def judged(judge, status, body):
    return judge(status, {}, json.dumps(body).encode(), complete=True)


@pytest.mark.parametrize(
    ("body", "refresh_token", "life", "scopes"),
    [
        (MASTODON, None, HOUR, ("read", "write", "follow", "push")),
        (DOORKEEPER, Secret("a-refresh-token"), 7200, None),
        (WITHOUT_END, Secret("a-refresh-token"), HOUR, None),
        ({**DOORKEEPER, "token_type": "Bearer"}, Secret("a-refresh-token"), 7200, None),
    ],
    ids=["mastodon", "doorkeeper", "without an end", "newer doorkeeper"],
)
def test_their_token_responses(body, refresh_token, life, scopes):
    outcome = judged(judge_token_response, 200, body)
    tokens = outcome.tokens
    assert outcome.verdict is Verdict.OK
    assert tokens.access_token == Secret(body["access_token"])
    assert (tokens.refresh_token, tokens.life, tokens.scopes) == (refresh_token, life, scopes)


@pytest.mark.parametrize(
    ("status", "error", "verdict"),
    [
        (400, "invalid_grant", Verdict.REFUSED),
        (401, "invalid_client", Verdict.CLIENT_REJECTED),
        (400, "invalid_request", Verdict.MISCONFIGURED),
        (400, "invalid_scope", Verdict.MISCONFIGURED),
        (400, "unauthorized_client", Verdict.MISCONFIGURED),
        (400, "unsupported_grant_type", Verdict.MISCONFIGURED),
        # Older versions answered 401 to all of them: no proof that a link has ended.
        (401, "invalid_grant", Verdict.UNKNOWN),
        (403, "unauthorized_client", Verdict.UNKNOWN),
        (400, "server_error", Verdict.UNKNOWN),
        (400, "temporarily_unavailable", Verdict.UNKNOWN),
    ],
)
def test_their_token_errors(status, error, verdict):
    outcome = judged(judge_token_response, status, {"error": error})
    assert (outcome.verdict, outcome.error, outcome.answered) == (verdict, error, True)


def test_their_one_description_does_not_tell_a_reuse():
    body = {"error": "invalid_grant", "error_description": ONE_FOR_ALL}
    assert not says_reused(judged(judge_token_response, 400, body).description)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        # Also the second time, and for a token that was never issued.
        (200, {}, Revocation.DONE),
        (403, {"error": "unauthorized_client", "error_description": NOT_YOURS}, Revocation.LATER),
        (401, {"error": "invalid_client"}, Revocation.LATER),
        (400, {"error": "invalid_request"}, Revocation.NEVER),
    ],
)
def test_their_answers_to_a_revocation(status, body, verdict):
    assert judged(judge_revocation_response, status, body).verdict is verdict
