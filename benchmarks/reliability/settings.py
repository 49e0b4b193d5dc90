"""BUFFER_CONNECT of the site that is put to the test; a module for its database, see `benchmarks.site`."""

from datetime import timedelta
from typing import Any

from django.conf import settings

from benchmarks.reliability import timing
from buffer_connect.flows.refresh import breaker, introspection, resend
from buffer_connect.oauth import lives
from buffer_connect.sandbox.options import CLIENT_ID, CLIENT_SECRET

# The first seals; which one that is changes while all goes on.
KEYS = [
    *settings.BUFFER_CONNECT["ENCRYPTION_KEYS"],
    "another:gZu5hvQZnxQbxIqF/uU3gFFu4oGDs8yIPDQR/32eSto=",
]


def point_to(issuer: str, *, keys: list[str], introspection: bool = True) -> None:
    """Let this process be a client of the sandbox at `issuer`."""
    endpoints: dict[str, Any] = {} if introspection else {"introspection": None}
    settings.BUFFER_CONNECT = {
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "ENCRYPTION_KEYS": keys,
        "ISSUER": issuer,
        "API_URL": f"{issuer}/api",
        "ENDPOINTS": endpoints,
        "TIMING": timing.timing(),
    }


def hasten() -> None:
    """Shorten in this process what is no setting: the run is over in a minute or two."""
    breaker.PROBE_EVERY = timedelta(seconds=timing.PROBE_EVERY)
    resend.BLOCKED_FOR = timedelta(seconds=timing.LONG_PAUSE)
    lives.LONG_PAUSE = lives.LONGEST_PATIENT_PAUSE = timing.LONG_PAUSE
    lives.SHORTEST_PATIENT_PAUSE = timing.BEAT
    introspection.WITHIN, introspection.SILENT_FOR = timing.TELLS_WITHIN, timing.SILENT_FOR
