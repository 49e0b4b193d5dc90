"""A site under an ASGI server, which ends while a refresh is out that nobody waits for."""

import asyncio
import http.client
import signal
import time
from datetime import timedelta

import pytest

from buffer_connect.asgi import finishing_refreshes
from example_project.demo.processes import free_port
from tests.links import age, held, link_to
from tests.processes import starting, wait_for
from tests.refresh.steps import requests_to, wait_for_request


@pytest.fixture
def link(sandbox, user, settings, gate):
    """A link whose access token is over, and whose refresh takes longer than anybody waits."""
    timing = {"CALL_WAIT": timedelta(seconds=0.2)}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "TIMING": timing}
    sandbox.fail_next("slow", seconds=60)
    return age(link_to(sandbox, user), hours=2)


def answered(port):
    """Ask the site on `port`; return whether it is there, and answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 204
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.long
def test_what_is_out_is_stored_before_the_server_ends(database_url, sandbox, link, gate):
    port = free_port()
    with starting(database_url) as start:
        server = start("serve", link.pk, port).ready().go()
        wait_for(lambda: answered(port), "the site answers")
        wait_for_request(sandbox)
        assert (requests_to(sandbox), held(link).generation) == (1, 1)
        server.terminate()
        wait_for(lambda: not answered(port), "the site takes no more requests")
        # Time enough for a server that would not wait to be gone.
        time.sleep(1)
        gate.set()
        server.wait_until_ended(-signal.SIGTERM)
    assert held(link).generation == 2


def test_everything_else_is_the_sites_own():
    seen = []

    async def site(scope, receive, send):
        seen.append(scope)

    asyncio.run(finishing_refreshes(site)({"type": "http"}, None, None))
    assert seen == [{"type": "http"}]
