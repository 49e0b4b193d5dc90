"""Looking for secrets where none may be."""

import json
from collections.abc import Iterator
from html import escape
from urllib.parse import quote, quote_plus

from buffer_connect.sandbox import Sandbox
from buffer_connect.site import setting
from buffer_connect.values import NAME

# The parameters of token requests that nobody else may know.
SENT = ("code", "code_verifier", "refresh_token", "token", "client_secret")


def found_in(text: str, sandbox: Sandbox) -> list[str]:
    """Return what `text` holds that is secret: its kinds, not the secrets."""
    kinds = {kind for kind, secret in _secrets(sandbox) if any(f in text for f in _forms(secret))}
    return sorted(kinds)


def _secrets(sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    for grant in sandbox.grants:
        yield from (("a refresh token", token.value) for token in grant.refresh_tokens)
        yield from (("an access token", token.value) for token in grant.access_tokens)
    keys = [key.value for key in sandbox.keys]
    yield from (("an API key", key) for key in keys)
    for request in sandbox.requests:
        if request.bearer_token and request.bearer_token not in keys:
            yield "an access token", request.bearer_token
        for name in SENT:
            yield from ((f"a {name}", value) for value in request.form.get(name, []) if value)
    settings = setting(NAME)
    yield "the client secret", settings["CLIENT_SECRET"]
    for entry in settings["ENCRYPTION_KEYS"]:
        yield "an encryption key", entry.partition(":")[2]


def _forms(secret: str) -> set[str]:
    """Return how a secret looks as it is, in an address, in HTML and in JSON."""
    in_json = json.dumps(secret)[1:-1]
    return {secret, quote(secret, safe=""), quote_plus(secret), escape(secret), in_json}
