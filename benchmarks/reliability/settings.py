"""BUFFER_CONNECT of the site that is put to the test; a module for its database, see `benchmarks.site`."""

from typing import Any

from django.conf import settings

from benchmarks.reliability.timing import timing
from buffer_connect.sandbox.options import CLIENT_ID, CLIENT_SECRET


def point_to(issuer: str, *, introspection: bool = True) -> None:
    """Let this process be a client of the sandbox at `issuer`."""
    endpoints: dict[str, Any] = {} if introspection else {"introspection": None}
    settings.BUFFER_CONNECT = {
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "ENCRYPTION_KEYS": settings.BUFFER_CONNECT["ENCRYPTION_KEYS"],
        "ISSUER": issuer,
        "API_URL": f"{issuer}/api",
        "ENDPOINTS": endpoints,
        "TIMING": timing(),
    }
