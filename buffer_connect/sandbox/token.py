"""The token endpoint (RFC 6749 sections 4.1.3 and 6, RFC 7636)."""

import base64
import hashlib

from buffer_connect.sandbox.grants import InvalidGrant, InvalidScope
from buffer_connect.sandbox.messages import OAuthError, Request, Response, json_response
from buffer_connect.sandbox.records import IssuedTokens
from buffer_connect.sandbox.state import State, authenticated_params

# One and the same answer for reused, expired, revoked and unknown: the cause is not told.
_REFUSED = (400, "invalid_grant", "grant request is invalid")


def answer(request: Request, state: State) -> Response:
    """Exchange a code or a refresh token; raises OAuthError."""
    params = authenticated_params(request, state)
    grants = {"authorization_code": _exchange, "refresh_token": _refresh}
    kind = _required(params, "grant_type")
    if kind not in grants:
        raise OAuthError(400, "unsupported_grant_type", "unsupported grant_type requested")
    try:
        tokens = grants[kind](params, state)
    except InvalidGrant as refusal:
        raise OAuthError(*_REFUSED) from refusal
    request.successor = tokens.refresh_token or ""
    return json_response(_fields(tokens))


def s256(verifier: str) -> str:
    """Return the code challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _exchange(params: dict[str, str], state: State) -> IssuedTokens:
    return state.table.exchange(
        code=_required(params, "code"),
        redirect_uri=_required(params, "redirect_uri"),
        challenge=s256(params.get("code_verifier", "")),
    )


def _refresh(params: dict[str, str], state: State) -> IssuedTokens:
    token = _required(params, "refresh_token")
    try:
        tokens = state.table.refresh(token, asked=params.get("scope", "").split())
    except InvalidScope as refusal:
        raise OAuthError(400, "invalid_scope", "refresh token missing requested scope") from refusal
    if "resource" in params:
        # The token is consumed by now: a 400 does not mean that nothing happened.
        raise OAuthError(400, "invalid_target", "resource indicator is missing, or unknown")
    return tokens


def _required(params: dict[str, str], name: str) -> str:
    if name not in params:
        raise OAuthError(400, "invalid_request", f"missing required parameter '{name}'")
    return params[name]


def _fields(tokens: IssuedTokens) -> dict[str, object]:
    fields: dict[str, object] = {
        "access_token": tokens.access_token,
        "expires_in": tokens.expires_in,
    }
    if tokens.refresh_token is not None:
        fields["refresh_token"] = tokens.refresh_token
    return fields | {"scope": " ".join(tokens.scopes), "token_type": "Bearer"}
