"""Answers of raw bytes, and what they leave of a link."""

import json

from tests.links import held, tokens_of
from tests.transport.raw_server import response

TOKENS = {
    "access_token": "new-access",
    "expires_in": 3600,
    "refresh_token": "new-refresh",
    "scope": "account:read offline_access",
    "token_type": "Bearer",
}
ROTATED = response(TOKENS)
REFUSAL = b'{"error": "invalid_grant"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
# The answer may be as long as it likes: it ends with the connection.
UNTIL_THE_END = b"HTTP/1.1 200 OK\r\n\r\n"
AS_JSON = json.dumps(TOKENS).encode()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def refused(answer):
    return answer.replace(b"200 OK", b"400 Bad Request")


def state(link):
    """Return what became of a link: kept, with a new access token or with the old one; or not.

    `link` is the row as it was before; where no answer is stored, it holds what it held.
    """
    row = held(link)
    if not row.is_active:
        return row.reason
    access_token, refresh_token = tokens_of(link)
    if row.generation == 2:
        assert refresh_token == "new-refresh"
        kept = {"new-access": "kept", before(link)[0]: "refresh token kept"}
        return kept.get(access_token, "kept, with no access token that anybody issued")
    assert (access_token, refresh_token) == before(link)
    if row.sent_generation is None:
        return "free"
    return "in doubt" if row.sent_ended_at is None else "in doubt, and over"


def before(link):
    return link.open_access_token().reveal(), link.open_refresh_token().reveal()
