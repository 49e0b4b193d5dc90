"""The authorization endpoint and its consent page."""

import pytest

from buffer_connect.sandbox import SCOPES, Sandbox
from tests.sandbox.client import REDIRECT_URI, query_of

STATE = "s" * 43


def test_consent_sends_a_code_with_state_and_issuer(client, sandbox):
    address = sandbox.authorize(client.url())
    fields = query_of(address)
    assert address.startswith(f"{REDIRECT_URI}?")
    assert fields.keys() == {"code", "state", "iss"}
    assert (fields["state"], fields["iss"]) == (STATE, sandbox.url)


def test_a_code_holds_what_only_form_encoding_carries(client):
    assert set("/+=&%") <= set(client.code())


def test_denial_is_told_with_state_and_issuer(client, sandbox):
    fields = query_of(sandbox.authorize(client.url(), deny=True))
    assert fields["error"] == "access_denied"
    assert (fields["state"], fields["iss"]) == (STATE, sandbox.url)
    assert "code" not in fields


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"scope": ["account:read", "posts:read"]}, "invalid_request"),
    ],
)
def test_a_wrong_request_goes_back_as_an_error(client, sandbox, changes, error):
    response = client.get(client.url(**changes))
    fields = query_of(response.headers["Location"])
    assert response.status_code == 303
    assert (fields["error"], fields["state"], fields["iss"]) == (error, STATE, sandbox.url)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "somebody-else"},
        {"client_id": None},
        {"redirect_uri": "https://elsewhere.example/callback/"},
        {"redirect_uri": None},
        {"redirect_uri": [REDIRECT_URI, REDIRECT_URI]},
    ],
)
def test_an_unknown_client_or_address_gets_a_page_and_no_redirect(client, changes):
    asked = client.get(client.url(**changes))
    decided = client.session.post(client.url(**changes), data={"decision": "allow"})
    assert (asked.status_code, decided.status_code) == (400, 400)
    assert asked.headers["Content-Type"].startswith("text/html")
    assert "Location" not in asked.headers


def test_registered_addresses_match_byte_for_byte(make_client):
    with Sandbox(redirect_uris=("https://site.example/cb",)) as sandbox:
        client = make_client(sandbox)
        assert client.get(client.url(redirect_uri="https://site.example/cb")).status_code == 200
        assert client.get(client.url(redirect_uri="https://site.example/cb/")).status_code == 400


def test_a_doubled_state_is_not_sent_back(client):
    response = client.get(client.url(state=["one", "two"]))
    fields = query_of(response.headers["Location"])
    assert fields["error"] == "invalid_request"
    assert "state" not in fields


def test_without_prompt_consent_offline_access_is_dropped_silently(client):
    tokens = client.exchange(client.code(prompt=None)).json()
    assert tokens["scope"] == "account:read posts:read posts:write"
    assert "refresh_token" not in tokens


def test_unknown_scopes_are_ignored_silently(client):
    scope = "account:read moon:read offline_access"
    assert client.exchange(client.code(scope=scope)).json()["scope"] == (
        "account:read offline_access"
    )


def test_partial_consent_shortens_the_scope(client, sandbox):
    address = sandbox.authorize(client.url(), scopes=["account:read", "offline_access"])
    tokens = client.exchange(query_of(address)["code"]).json()
    assert tokens["scope"] == "account:read offline_access"


def test_consent_cannot_widen_what_was_asked(client, sandbox):
    address = sandbox.authorize(client.url(scope="account:read"), scopes=SCOPES)
    assert client.exchange(query_of(address)["code"]).json()["scope"] == "account:read"


def test_the_page_offers_accounts_and_a_box_for_each_scope(client):
    page = client.get(client.url()).text
    assert page.count('type="radio"') == 3
    assert "Sandbox account 2" in page
    assert page.count('type="checkbox"') == 4


def test_the_page_runs_no_script_and_is_not_stored(client):
    response = client.get(client.url())
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "form-action" not in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"


def test_the_page_escapes_its_query(client):
    page = client.get(f'{client.url()}&x="><script>alert(1)</script>').text
    assert "<script" not in page


def test_a_decision_needs_no_browser(client, sandbox):
    form = {"decision": "allow", "account": "account-2", "scope": ["account:read"]}
    response = client.session.post(client.url(), data=form, allow_redirects=False)
    tokens = client.exchange(query_of(response.headers["Location"])["code"]).json()
    assert tokens["scope"] == "account:read"
    assert sandbox.grant_of(tokens["access_token"]).account == "account-2"


def test_two_authorizations_make_two_grants(client, sandbox):
    sandbox.authorize(client.url())
    sandbox.authorize(client.url())
    assert len(sandbox.grants) == 2


def test_one_browser_may_share_a_grant_between_two_authorizations(make_client):
    with Sandbox(shared_grants=True) as sandbox:
        client = make_client(sandbox)
        first = client.exchange(client.code()).json()["refresh_token"]
        second = client.exchange(client.code()).json()["refresh_token"]
        assert sandbox.is_current(first)
        client.revoke(first)
        assert not sandbox.is_current(second)


def test_a_browser_keeps_its_session_by_cookie(make_client):
    with Sandbox(shared_grants=True) as sandbox:
        client = make_client(sandbox)
        for _ in range(2):
            client.get(client.url())
            client.session.post(client.url(), data={"decision": "allow"}, allow_redirects=False)
        assert len(sandbox.grants) == 1


def test_a_person_is_not_sent_to_a_foreign_address(client, sandbox):
    with pytest.raises(ValueError, match="did not redirect"):
        sandbox.authorize(client.url(client_id="somebody-else"))
    with pytest.raises(ValueError, match="did not redirect"):
        sandbox.authorize("https://auth.example/auth?client_id=sandbox-client")
