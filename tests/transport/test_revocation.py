"""Revocation requests on the wire (RFC 7009 section 2.1)."""

import time

import pytest
from django.core.exceptions import ImproperlyConfigured

from buffer_connect.oauth.revocation import Revocation
from buffer_connect.sealing import Secret
from buffer_connect.transport import revoke
from tests.transport.raw_server import (
    answers,
    response,
    then_close,
    then_silence,
    then_trickle,
)

AWKWARD = "".join(map(chr, range(0x21, 0x7F)))


def revoked(token="a-refresh-token", total=5.0):
    return revoke(Secret(token), total=total)


def test_the_token_is_posted_as_a_form_with_its_kind_and_the_client(serve):
    server = serve(answers(response()))
    assert revoked(AWKWARD).verdict is Revocation.DONE
    assert server.requests[0].line == "POST /token/revocation HTTP/1.1"
    assert sorted(server.requests[0].form) == [
        ("client_id", "tests-client"),
        ("client_secret", "tests-client-secret"),
        ("token", AWKWARD),
        ("token_type_hint", "refresh_token"),
    ]


def test_a_public_client_sends_no_secret(serve, configure):
    server = serve(answers(response()))
    configure(CLIENT_SECRET=None)
    revoked()
    names = [name for name, _ in server.requests[0].form]
    assert sorted(names) == ["client_id", "token", "token_type_hint"]


def test_the_headers_hold_no_credentials(serve):
    server = serve(answers(response()))
    revoked()
    headers = server.requests[0].headers
    assert headers.pop("user-agent").startswith("django-buffer-connect/")
    assert headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-length": str(len(server.requests[0].body)),
        "content-type": "application/x-www-form-urlencoded",
    }


def test_it_goes_where_the_settings_say(serve, configure):
    server = serve(answers(response()))
    configure(ENDPOINTS={"revocation": f"{server.url}/elsewhere?a=b"})
    revoked()
    assert server.requests[0].line == "POST /elsewhere?a=b HTTP/1.1"


def test_a_redirect_is_not_followed(serve):
    server = serve(answers(response(status="307 Temporary Redirect", location="/there")))
    assert revoked().verdict is Revocation.LATER
    assert len(server.requests) == 1


@pytest.mark.long
@pytest.mark.parametrize("script", [then_close(b""), then_silence()], ids=["closed", "silent"])
def test_without_an_answer_it_is_tried_again(serve, script):
    serve(script)
    assert revoked(total=0.3).verdict is Revocation.LATER


def test_a_server_that_is_not_there_is_tried_again(serve):
    with serve(answers(response())):
        pass
    assert revoked().verdict is Revocation.LATER


@pytest.mark.long
def test_it_ends_on_time_whatever_trickles_in(serve):
    serve(then_trickle(b"HTTP/1.1 503 Unavailable\r\n\r\n", b"x"))
    started = time.monotonic()
    revoked(total=0.5)
    assert time.monotonic() - started < 3


def test_what_is_turned_off_is_not_asked(configure):
    configure(ENDPOINTS={"revocation": None})
    with pytest.raises(ImproperlyConfigured):
        revoked()
