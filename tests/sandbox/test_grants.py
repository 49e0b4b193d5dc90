"""The grant table as a model for other tests to read."""

from buffer_connect.sandbox import Sandbox


def test_a_grant_tells_its_generations_in_order(client, sandbox):
    tokens = [sandbox.issue().refresh_token]
    for _ in range(2):
        tokens.append(client.refresh(tokens[-1]).json()["refresh_token"])
    history = sandbox.grants[0].refresh_tokens
    assert [token.value for token in history] == tokens
    assert [token.generation for token in history] == [1, 2, 3]
    assert [token.consumed_at is None for token in history] == [False, False, True]
    assert [token.uses for token in history] == [1, 1, 0]
    assert sandbox.grants[0].current_refresh_token == tokens[-1]


def test_a_revoked_grant_has_no_current_token(sandbox):
    tokens = sandbox.issue()
    assert sandbox.revoke(tokens.grant_id) is True
    assert sandbox.revoke(tokens.grant_id) is False
    assert sandbox.grant(tokens.grant_id).current_refresh_token is None
    assert not sandbox.accepts(tokens.access_token)


def test_what_was_read_does_not_change_any_more(client, sandbox):
    token = sandbox.issue().refresh_token
    before = sandbox.grant_of(token)
    client.refresh(token)
    assert before.refresh_tokens[0].consumed_at is None
    assert len(before.refresh_tokens) == 1


def test_a_replay_needs_a_consumed_token(client, sandbox):
    tokens = sandbox.issue()
    assert sandbox.replay(tokens.grant_id) is False
    client.refresh(tokens.refresh_token)
    assert sandbox.replay(tokens.grant_id) is True
    assert sandbox.grant(tokens.grant_id).reuse_detected


def test_an_account_is_revoked_as_a_whole(sandbox):
    kept = sandbox.issue("account-2")
    sandbox.issue("account-1")
    sandbox.issue("account-1")
    assert sandbox.revoke_account("account-1") == 2
    assert sandbox.is_current(kept.refresh_token)


def test_a_token_leads_to_its_grant_dead_or_alive(client, sandbox):
    tokens = sandbox.issue()
    client.revoke(tokens.refresh_token)
    assert sandbox.grant_of(tokens.refresh_token).id == tokens.grant_id
    assert sandbox.grant_of(tokens.access_token).id == tokens.grant_id
    assert sandbox.grant_of("unknown") is None


def test_expired_access_tokens_are_forgotten(make_client):
    with Sandbox(access_life=10) as sandbox:
        client, tokens = make_client(sandbox), sandbox.issue()
        sandbox.advance(10)
        client.refresh(tokens.refresh_token)
        assert len(sandbox.grant(tokens.grant_id).access_tokens) == 1


def test_no_token_shows_in_a_repr(sandbox):
    tokens = sandbox.issue()
    shown = repr(tokens) + repr(sandbox.grants) + repr(sandbox.options)
    assert tokens.access_token not in shown
    assert repr(tokens.refresh_token)[1:-1] not in shown
    assert sandbox.options.client_secret not in shown
