import json

import pytest

from buffer_connect.oauth.revocation import Revocation, judge_revocation_response


def judged(status, body=b"", *, complete=True, **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge_revocation_response(status, headers, body, complete=complete)


@pytest.mark.parametrize("body", [b"", b"<h1>Welcome</h1>", {"error": "invalid_token"}])
@pytest.mark.parametrize("status", [200, 204])
def test_a_success_is_done_whatever_its_body(status, body):
    assert judged(status, body, complete=False).verdict is Revocation.DONE


@pytest.mark.parametrize(
    "error", ["unsupported_token_type", "invalid_request", "invalid_token", "invalid_grant"]
)
def test_an_error_that_asking_again_cannot_cure_is_never(error):
    outcome = judged(400, {"error": error})
    assert (outcome.verdict, outcome.error) == (Revocation.NEVER, error)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": "invalid_client"}),
        (401, {"error": "invalid_client"}),
        (400, {"error": "unauthorized_client"}),
        (400, {"error": "temporarily_unavailable"}),
        (400, {"error": "server_error"}),
        (400, b"<h1>Bad request</h1>"),
        (400, b""),
        (401, b""),
        (403, {"error": "unsupported_token_type"}),
        (404, b"not found"),
        (429, {"error": "unsupported_token_type"}),
        (301, b""),
        (500, {"error": "unsupported_token_type"}),
        (503, b"upstream trouble"),
    ],
)
def test_all_else_is_tried_again(status, body):
    assert judged(status, body).verdict is Revocation.LATER


def test_an_error_that_was_cut_short_is_tried_again():
    whole = {"error": "unsupported_token_type"}
    assert judged(400, whole, complete=False).verdict is Revocation.LATER


def test_a_wrong_client_is_named():
    assert judged(401, {"error": "invalid_client"}).error == "invalid_client"


def test_an_answer_without_an_error_code_is_named_by_its_status():
    assert judged(503, b"no").error == "http_503"


def test_retry_after_is_read():
    assert judged(503, Retry_After="120").retry_after == 120
    assert judged(503).retry_after is None
