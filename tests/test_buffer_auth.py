"""Sites with their own HTTP: reporting a 401, and `BufferAuth` on a requests session."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from django.db import connections

from buffer_connect.client import BufferAuth, BufferClient
from buffer_connect.exceptions import LinkRevoked, TokenUnavailable
from buffer_connect.models import BufferLink
from tests.links import age, held, link_to, tokens_of
from tests.transport.raw_server import RawServer, answers, response

QUERY = {"query": "query { account { id } }"}
DATA = {"data": {"account": {"id": "account-1"}}}
REFUSED = response(status="401 Unauthorized")
FINE = response(DATA)


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def client_(link):
    return BufferClient(link)


@pytest.fixture
def post(settings, sandbox, link):
    """Post to the API, or to another address, as a site's own code does."""
    with requests.Session() as session:
        session.trust_env = False
        session.auth = BufferAuth(link)

        def posted(url=None, **request):
            request = request or {"json": QUERY}
            return session.post(url or settings.BUFFER_CONNECT["API_URL"], timeout=5, **request)

        yield posted


@pytest.fixture
def serve(settings):
    """Start a scripted server; the first one becomes the API."""
    servers = []

    def started(script):
        server = RawServer(script)
        servers.append(server)
        if len(servers) == 1:
            settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "API_URL": server.url}
        return server

    yield started
    for server in servers:
        server.__exit__()


def refuse(sandbox, times=1):
    sandbox.fail_next("graphql_error", times, on="api", code="UNAUTHENTICATED", status=401)


def test_after_a_report_there_is_another_token(link, client_, sandbox):
    refused = client_.get_access_token()
    client_.report_unauthorized(refused)
    assert sandbox.accepts(client_.get_access_token())
    assert client_.get_access_token() != refused
    assert held(link).generation == 2


def test_an_old_token_says_nothing_against_the_one_that_is_held(link, client_, sandbox):
    old = client_.get_access_token()
    client_.report_unauthorized(old)
    sandbox.forget_requests()
    client_.report_unauthorized(old)
    client_.report_unauthorized("a-token-of-nobody-é")
    assert held(link).generation == 2
    assert sandbox.requests == []


def test_a_report_of_the_token_that_a_report_gave_ends_the_link(link, client_):
    client_.report_unauthorized(client_.get_access_token())
    with pytest.raises(LinkRevoked) as raised:
        client_.report_unauthorized(client_.get_access_token())
    assert raised.value.reason == held(link).reason == "unauthorized"


def test_a_report_about_a_link_that_was_removed_at_buffer_ends_it(link, client_, sandbox):
    refused = client_.get_access_token()
    sandbox.revoke_account("account-1")
    with pytest.raises(LinkRevoked):
        client_.report_unauthorized(refused)
    assert held(link).reason == "revoked_at_buffer"


def test_a_report_while_buffer_is_away_ends_nothing(link, client_, sandbox):
    refused = client_.get_access_token()
    sandbox.fail_next("error_before", status=503)
    with pytest.raises(TokenUnavailable):
        client_.report_unauthorized(refused)
    assert held(link).is_active


def test_a_report_about_an_ended_link_says_how_it_ended(link, client_, sandbox):
    refused = client_.get_access_token()
    sandbox.revoke_account("account-1")
    with pytest.raises(LinkRevoked):
        client_.execute(QUERY["query"])
    with pytest.raises(LinkRevoked) as raised:
        client_.report_unauthorized(refused)
    assert raised.value.reason == "revoked_at_buffer"


def test_a_report_about_a_link_that_is_gone_says_so(link, client_):
    refused = client_.get_access_token()
    BufferLink.objects.all().delete()
    with pytest.raises(LinkRevoked) as raised:
        client_.report_unauthorized(refused)
    assert raised.value.reason == "disconnected"


def test_a_401_without_a_refresh_token_ends_the_link(user, sandbox):
    client = BufferClient(link_to(sandbox, user, account="account-2", refreshable=False))
    with pytest.raises(LinkRevoked):
        client.report_unauthorized(client.get_access_token())


def test_the_token_goes_with_the_request(post, sandbox, link):
    assert post().json() == DATA
    (sent,) = sandbox.requests_to("api")
    assert sent.headers["Authorization"] == f"Bearer {tokens_of(link)[0]}"


def test_a_token_that_has_ended_is_refreshed_first(post, sandbox, link):
    age(link, hours=2)
    sandbox.advance(2 * 3600)
    assert post().json() == DATA
    assert len(sandbox.requests_to("api")) == 1


def test_a_401_costs_one_refresh_and_one_repeat(post, sandbox, link):
    refuse(sandbox)
    answer = post()
    assert answer.json() == DATA
    assert [each.status_code for each in answer.history] == [401]
    assert len(sandbox.requests_to("token")) == 1
    assert held(link).is_active


def test_the_repeat_carries_the_same_body_and_the_new_token(post, sandbox, link):
    refuse(sandbox)
    post()
    first, second = sandbox.requests_to("api")
    assert first.body == second.body == json.dumps(QUERY).encode()
    assert second.headers["Authorization"] == f"Bearer {tokens_of(link)[0]}"
    assert first.headers["Authorization"] != second.headers["Authorization"]


def test_a_401_that_survives_the_refresh_ends_the_link(post, sandbox, link):
    refuse(sandbox, 2)
    with pytest.raises(LinkRevoked):
        post()
    assert held(link).reason == "unauthorized"


def test_a_link_that_was_removed_at_buffer_raises_where_the_call_is_made(post, sandbox):
    sandbox.revoke_account("account-1")
    with pytest.raises(LinkRevoked):
        post()


def test_a_file_is_sent_again_from_where_it_began(post, sandbox):
    refuse(sandbox)
    body = io.BytesIO(b"skipped" + json.dumps(QUERY).encode())
    body.seek(7)
    assert post(data=body, headers={"Content-Type": "application/json"}).json() == DATA


def test_a_body_that_is_gone_is_not_sent_again(serve, post, link):
    def script(connection):
        connection.request()
        while connection.reader.readline() != b"0\r\n":
            pass
        connection.send(REFUSED)

    api = serve(script)
    assert post(data=iter([b"piece"])).status_code == 401
    assert len(api.requests) == 1
    assert held(link).generation == 2


def test_other_answers_are_not_repeated(post, sandbox):
    sandbox.fail_next("error_after", on="api", status=502)
    assert post().status_code == 502
    assert len(sandbox.requests_to("api")) == 1


def test_the_connection_is_used_again_for_the_repeat(serve, post):
    api = serve(answers(REFUSED, FINE))
    assert post().json() == DATA
    assert (len(api.requests), api.connections) == (2, 1)


def test_another_host_gets_no_token(serve, post, link, sandbox):
    serve(answers(FINE))
    other = serve(answers(REFUSED))
    assert post(other.url).status_code == 401
    assert "authorization" not in other.requests[0].headers
    assert held(link).generation == 1


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_redirect_to_another_host_takes_no_token_along(serve, post, link, status, name):
    other = RawServer(answers(REFUSED))
    with other:
        serve(answers(response(status=status, location=f"http://{name}:{other.port}/")))
        assert post().status_code == 401
    assert "authorization" not in other.requests[0].headers
    assert held(link).generation == 1


def test_a_redirect_at_the_api_keeps_the_token_and_its_care(serve, post, link):
    api = serve(answers(response(status="307 Temporary Redirect", location="/b"), REFUSED, FINE))
    assert post().json() == DATA
    assert all("authorization" in request.headers for request in api.requests)
    assert [request.line.split()[1] for request in api.requests] == ["/", "/b", "/b"]


def test_the_sites_own_hooks_see_the_last_answer(serve, post):
    serve(answers(REFUSED, FINE))
    seen = []
    post(json=QUERY, hooks={"response": lambda r, **kwargs: seen.append(r.status_code)})
    assert seen in ([401], [200])


@pytest.mark.django_db(transaction=True)
def test_threads_may_share_it(serve, link):
    auth, refused = BufferAuth(link), f"Bearer {tokens_of(link)[0]}"

    def script(connection):
        while request := connection.request():
            connection.send(REFUSED if request.headers["authorization"] == refused else FINE)

    api = serve(script)

    def call(_):
        try:
            return requests.post(api.url, json=QUERY, auth=auth, timeout=5).json()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(call, range(4))) == [DATA] * 4
    assert held(link).generation == 2


def test_neither_shows_a_token(link, client_):
    assert repr(BufferAuth(link)) == f"BufferAuth({link!r})"
    assert client_.get_access_token() not in repr(vars(BufferAuth(link)))
