"""The discovery documents (RFC 8414, OpenID Connect Discovery)."""

from buffer_connect.sandbox.messages import Request, Response, json_response
from buffer_connect.sandbox.options import SCOPES
from buffer_connect.sandbox.state import State


def authorization_server(request: Request, state: State) -> Response:
    """Answer `/.well-known/oauth-authorization-server`."""
    return json_response(_metadata(state))


def openid_configuration(request: Request, state: State) -> Response:
    """Answer `/.well-known/openid-configuration`, which names the remaining endpoints."""
    return json_response(
        _metadata(state)
        | {
            "authorization_response_iss_parameter_supported": True,
            "response_modes_supported": ["query"],
            "subject_types_supported": ["public"],
            "revocation_endpoint": f"{state.issuer}/token/revocation",
            "introspection_endpoint": f"{state.issuer}/token/introspection",
        }
    )


def _metadata(state: State) -> dict[str, object]:
    method = "none" if state.options.public_client else "client_secret_post"
    return {
        "issuer": state.issuer,
        "authorization_endpoint": f"{state.issuer}/auth",
        "token_endpoint": f"{state.issuer}/token",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": [method],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": list(SCOPES),
    }
