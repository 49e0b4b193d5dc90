"""What all requests of one process share."""

from __future__ import annotations

import atexit
import os
from importlib.metadata import PackageNotFoundError, version

from buffer_connect.transport.wire import Wire

DISTRIBUTION = "django-buffer-connect"


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        # Imported from a checkout that was never installed.
        return "0"


HEADERS = {
    "Accept": "application/json",
    # A compressed answer cannot be capped without being undone first.
    "Accept-Encoding": "identity",
    "User-Agent": f"{DISTRIBUTION}/{_version()}",
}
WIRE = Wire()

# A child must not write into connections that its parent uses.
os.register_at_fork(after_in_child=WIRE.close)
atexit.register(WIRE.close)
