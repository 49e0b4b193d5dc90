"""The one door to the network: token requests, revocations and API calls, each sent once.

No exception of requests, requests-oauthlib, oauthlib, urllib3 or `http.client` leaves here, and
none that does is chained to theirs: those carry the request, and with it the secrets.
"""

from buffer_connect.transport import redaction
from buffer_connect.transport.api import call_api
from buffer_connect.transport.auth import TokenAuth
from buffer_connect.transport.introspection import Introspection, introspect
from buffer_connect.transport.revocation import revoke
from buffer_connect.transport.token_endpoint import exchange, refresh

__all__ = ["Introspection", "TokenAuth", "call_api", "exchange", "introspect", "refresh", "revoke"]

redaction.install()
