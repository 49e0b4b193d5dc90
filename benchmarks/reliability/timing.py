"""The protocol's numbers, as short as its inequalities allow: a link goes through many refreshes.

All in seconds, but for `COUNTS`.
"""

from datetime import timedelta
from typing import Any

TOKEN_LIFE = 16.0
MARGIN = 6.0
PREFLIGHT, CONNECT, TOTAL, COMMIT, SKEW = 0.5, 0.5, 2.0, 3.0, 0.2
LEASE, QUARANTINE = 7.0, 12.0
# More than falls due a second: faults are to meet refreshes, and not links that wait in line.
COUNTS = {"IN_FLIGHT": 8, "SENDS_PER_SECOND": 60}
# How often a worker sweeps, and how often it asks whether Buffer knows the client again.
BEAT, PROBE_EVERY = 1.0, 0.5
# What only the operator can cure, or what nobody waits for, is tried again after a while; the server
# has to tell what it knows of a token in doubt at once, or is not asked again so soon.
LONG_PAUSE, TELLS_WITHIN, SILENT_FOR = 5.0, 0.3, 4.0

# A process stands still for longer than its lease, and goes on before the quarantine is over.
STANDSTILL = LEASE + 1.5
# At the end nothing goes wrong any more, until all that was in doubt has been decided.
SETTLE = LEASE + QUARANTINE + 3 * BEAT
# The shortest run: each token falls due, meets trouble, and falls due once more before all settles.
LEAST = SETTLE + 2 * TOKEN_LIFE


def timing() -> dict[str, Any]:
    """Return them as `TIMING` takes them."""
    seconds = {
        "MARGIN": MARGIN,
        "PREFLIGHT": PREFLIGHT,
        "CONNECT": CONNECT,
        "READ": TOTAL,
        "TOTAL": TOTAL,
        "COMMIT": COMMIT,
        "SKEW": SKEW,
        "LEASE": LEASE,
        "QUARANTINE": QUARANTINE,
        "CALL_WAIT": 3.0,
        "API": 3.0,
    }
    return {name: timedelta(seconds=value) for name, value in seconds.items()} | COUNTS
