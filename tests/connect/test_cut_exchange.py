"""The answer to the exchange of a code, cut after any number of bytes: no half of a link is made."""

from html import unescape

import pytest
from django.urls import reverse

from buffer_connect.models import AuthorizationRequest, BufferLink, LinkEvent, PendingRevocation
from tests.people import CONNECT
from tests.refresh.answers import ROTATED, TOKENS
from tests.transport.raw_server import Connection, RawServer, answers, response

pytestmark = pytest.mark.long

LINKS = reverse("buffer_connect:links")


@pytest.fixture
def exchanging(settings):
    """Return a function that lets a server with this script exchange the codes."""

    def exchanging(script):
        server = RawServer(script)
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENDPOINTS": {"token": server.url}}
        return server

    return exchanging


def cut(answer, end):
    """Return a script that sends each connection one byte more than the one before."""
    sizes = iter(range(len(answer)))

    def script(connection):
        connection.request()
        connection.send(answer[: next(sizes)])
        end(connection)

    return script


@pytest.mark.parametrize("end", [Connection.close, Connection.reset], ids=["closed", "reset"])
def test_whatever_is_missing_nothing_is_stored_and_the_page_offers_to_try_again(
    person, exchanging, end
):
    with exchanging(cut(ROTATED, end)) as server:
        for _ in ROTATED:
            assert person.connect()["Location"] == LINKS
            page = unescape(person.links_page())
            assert "Buffer gave no usable answer." in page
            assert f'action="{CONNECT}"' in page
    assert len(server.requests) == len(ROTATED)
    for nothing in (BufferLink, LinkEvent, PendingRevocation):
        assert not nothing.objects.exists()
    assert {*AuthorizationRequest.objects.values_list("outcome", flat=True)} == {"failed"}


def test_when_nothing_is_missing_the_link_is_made(sandbox, person, exchanging):
    issued = sandbox.issue()
    tokens = {"access_token": issued.access_token, "refresh_token": issued.refresh_token}
    with exchanging(answers(response({**TOKENS, **tokens}))):
        person.connect()
    assert BufferLink.objects.get().is_active
