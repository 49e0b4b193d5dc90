"""A local Buffer for development and tests; needs the extra `sandbox`."""

from buffer_connect.sandbox.faults import ENDPOINTS, KINDS, Fault
from buffer_connect.sandbox.messages import Request, Response
from buffer_connect.sandbox.options import CLIENT_ID, CLIENT_SECRET, SCOPES, Options
from buffer_connect.sandbox.records import AccessToken, End, Grant, IssuedTokens, Post, RefreshToken
from buffer_connect.sandbox.sandbox import Sandbox

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "ENDPOINTS",
    "KINDS",
    "SCOPES",
    "AccessToken",
    "End",
    "Fault",
    "Grant",
    "IssuedTokens",
    "Options",
    "Post",
    "RefreshToken",
    "Request",
    "Response",
    "Sandbox",
]
