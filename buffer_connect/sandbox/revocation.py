"""Revocation (RFC 7009) and introspection (RFC 7662) of tokens."""

from buffer_connect.sandbox.messages import OAuthError, Request, Response, json_response
from buffer_connect.sandbox.minting import looks_like_jwt
from buffer_connect.sandbox.records import End
from buffer_connect.sandbox.state import State, authenticated_params


def revoke(request: Request, state: State) -> Response:
    """End the grant of a refresh token; an unknown token is no error, an access token is."""
    token = _token(request, state)
    grant_id = state.table.grant_id_of(token)
    if grant_id is not None:
        state.table.revoke(grant_id, End.CLIENT)
    return Response(
        status=200, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"}
    )


def introspect(request: Request, state: State) -> Response:
    """Tell whether a refresh token would be accepted, without any effect on it."""
    token = state.table.active_refresh_token(_token(request, state))
    if token is None:
        return json_response({"active": False})
    return json_response(
        {
            "active": True,
            "client_id": state.options.client_id,
            "scope": " ".join(token.scopes),
            "iat": int(token.issued_at),
            "exp": int(token.expires_at),
            "iss": state.issuer,
        }
    )


def _token(request: Request, state: State) -> str:
    params = authenticated_params(request, state)
    if "token" not in params:
        raise OAuthError(400, "invalid_request", "missing required parameter 'token'")
    if looks_like_jwt(params["token"]):
        raise OAuthError(
            400, "unsupported_token_type", "structured JWT tokens are not handled here"
        )
    return params["token"]
