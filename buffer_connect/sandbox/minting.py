"""Codes and tokens as awkward as the specifications allow."""

import base64
import os
import secrets

# RFC 6749 appendix A allows every visible ASCII character in codes and refresh tokens.
_VISIBLE = bytes(0x21 + index % 94 for index in range(256))
# Breaks a client that does not form-encode, decodes twice, or reads JSON with a regular expression.
_AWKWARD = '/+=&%2B"\\<#;'
_JWT_HEADER = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"at+jwt"}').rstrip(b"=").decode()


def _visible(length: int) -> str:
    return os.urandom(length).translate(_VISIBLE).decode("ascii")


def new_code() -> str:
    """Make an authorization code of visible ASCII that holds `/ + = &` and worse."""
    return f"1/{_visible(24)}{_AWKWARD}{_visible(8)}"


def new_refresh_token() -> str:
    """Make a refresh token of visible ASCII that holds `/ + = &` and worse."""
    return f"{_visible(40)}{_AWKWARD}{_visible(8)}"


def new_access_token() -> str:
    """Make an opaque string with the form and the size of a JWT, about 700 characters."""
    return f"{_JWT_HEADER}.{secrets.token_urlsafe(240)}.{secrets.token_urlsafe(256)}"


def new_api_key() -> str:
    """Make an API key of visible ASCII that holds `/ + = &` and worse."""
    return f"{_visible(24)}{_AWKWARD}{_visible(8)}"


def looks_like_jwt(token: str) -> bool:
    """Tell whether a token has the form of an access token."""
    return token.startswith("eyJ") and token.count(".") == 2
