"""An answer that is cut after any number of bytes costs a link no more than it must."""

import math
from collections import Counter

import pytest

from buffer_connect.models import BufferLink
from buffer_connect.transport.process import WIRE
from buffer_connect.transport.reply import PacedReader
from tests.links import held, link_to, tokens_of
from tests.processes import wait_for
from tests.refresh.answers import (
    AS_JSON,
    CHUNKED,
    LAST_CHUNK,
    REFUSAL,
    ROTATED,
    UNTIL_THE_END,
    chunk,
    refused,
    state,
)
from tests.transport.raw_server import Connection, response

pytestmark = pytest.mark.long

# Bytes that were sent to a client and that it has not read, by its port.
UNREAD = Counter()


@pytest.fixture(autouse=True)
def _reads_are_counted(monkeypatch):
    readinto = PacedReader.readinto

    def counted(reader, buffer):
        count = readinto(reader, buffer)
        UNREAD[reader._sock.getsockname()[1]] -= count
        return count

    monkeypatch.setattr(PacedReader, "readinto", counted)


@pytest.fixture(autouse=True)
def _no_connection_is_kept(monkeypatch):
    # That of an answer that is whole would be, and ends a moment later.
    monkeypatch.setattr(WIRE, "_idle_seconds", 0)


@pytest.fixture
def many(sandbox, user, settings):
    """Return a function that makes so many due links, which are sent as fast as can be."""

    def make(number):
        timing = {"IN_FLIGHT": 8, "SENDS_PER_SECOND": 10_000}
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
        links = [link_to(sandbox, user, account=f"account-{n}") for n in range(number)]
        BufferLink.objects.update(refresh_due_at=held(links[0]).database_now)
        return links

    return make


def cut(answer, links, end):
    """Return a script that sends the n-th link n bytes of `answer`, and then ends the connection."""
    cut_at = {tokens_of(link)[1]: n for n, link in enumerate(links)}

    def script(connection):
        token = dict(connection.request().form)["refresh_token"]
        UNREAD[port_of_client(connection)] = cut_at[token]
        connection.send(answer[: cut_at[token]])
        end(connection)

    return script


def port_of_client(connection):
    return connection.sock.getpeername()[1]


@pytest.fixture
def states(swept, many):
    """Return what becomes of links whose answers are cut after 0, 1, 2 … bytes of `answer`."""

    def states(answer, end):
        links = many(len(answer) + 1)
        server = swept(cut(answer, links, end), within=math.inf)
        assert len(server.requests) == len(links)
        return [state(link) for link in links]

    return states


def reset_when_read(connection):
    """End the connection without a word, when what was sent has been read: it would be lost."""
    port = port_of_client(connection)
    wait_for(lambda: not UNREAD[port], "what was sent is read")
    connection.reset()


ENDS = pytest.mark.parametrize("end", [Connection.close, reset_when_read], ids=["closed", "reset"])
SUCCESSES = {
    "with its length": ROTATED,
    # The refresh token comes in two of them.
    "in chunks": CHUNKED + chunk(AS_JSON[:70]) + chunk(AS_JSON[70:]) + LAST_CHUNK,
    "until the end": UNTIL_THE_END + AS_JSON,
}


@ENDS
@pytest.mark.parametrize("answer", SUCCESSES.values(), ids=SUCCESSES)
def test_a_refresh_token_is_kept_as_soon_as_it_is_there(states, answer, end):
    token, whole = answer.index(b', "scope"'), answer.index(b"}") + 1
    assert states(answer, end) == [
        *(["in doubt"] * token),
        *(["refresh token kept"] * (whole - token)),
        *(["kept"] * (len(answer) + 1 - whole)),
    ]


# Blanks follow, so that what was said is there before the message is whole.
SAID = REFUSAL + b" " * 9
WITH_LENGTH = response(SAID, "400 Bad Request")
IN_CHUNKS = refused(CHUNKED) + chunk(SAID[:9]) + chunk(SAID[9:])
REFUSALS = {
    "with its length": (WITH_LENGTH, len(WITH_LENGTH)),
    # From its first byte on the last chunk is known for what it is.
    "in chunks": (IN_CHUNKS + LAST_CHUNK, len(IN_CHUNKS) + 1),
}


@ENDS
@pytest.mark.parametrize(("answer", "whole"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_that_is_not_whole_ends_no_link(states, answer, whole, end):
    found = states(answer, end)
    assert set(found[:whole]) == {"in doubt"}
    assert found[-1] == "revoked_at_buffer"


def test_a_refusal_that_ends_with_the_connection_is_whole_when_it_was_closed(states):
    answer = refused(UNTIL_THE_END) + SAID
    said = len(answer) - len(SAID) + len(REFUSAL)
    found = states(answer, Connection.close)
    assert set(found[:said]) == {"in doubt"}
    assert set(found[said:]) == {"revoked_at_buffer"}


def test_it_is_not_when_it_was_reset(states):
    assert set(states(refused(UNTIL_THE_END) + SAID, reset_when_read)) == {"in doubt"}
