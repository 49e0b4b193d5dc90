"""The sandbox as a process of its own."""

import threading
import time

import pytest

from benchmarks.reliability.buffer import serving


@pytest.fixture
def buffer():
    with serving(16.0) as buffer:
        yield buffer


def refuses(buffer):
    try:
        buffer.grants()
    except OSError as error:
        # One that was about to be accepted is reset.
        return isinstance(getattr(error, "reason", error), ConnectionRefusedError)
    return False


def until_refused(buffer):
    # A test has its time limit.
    while not refuses(buffer):
        time.sleep(0.02)


def test_a_closed_port_refuses_connections_and_opens_with_all_grants(buffer):
    grant = buffer.issue("account-1")["grant"]
    closing = threading.Thread(target=buffer.refuse, args=(1.0,))
    closing.start()
    until_refused(buffer)
    closing.join()
    assert [each["id"] for each in buffer.grants()] == [grant]


def test_faults_are_counted_by_their_endpoint(buffer):
    buffer.fail("outage", on="api", times=2)
    buffer.fail("slow", on="token")
    buffer.fail("html", on="token")
    assert [buffer.troubles(on) for on in ("api", "token", "revocation")] == [1, 2, 0]
