"""The site's staff: they take the brake off, the one way and the other, and rotate the keys."""

import os
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError, call_command

from benchmarks.reliability.settings import KEYS
from buffer_connect.flows.refresh.halt import Halt, halted_since

# The brake has been on for so long when somebody does something about it.
NOTICED_AFTER = timedelta(seconds=1.5)


class Staff:
    """Looks from time to time whether there is something to do."""

    def __init__(self) -> None:
        self._ways = cycle(["--retry", "--resume"])
        self._keys = cycle([KEYS[::-1], KEYS])

    def look(self) -> str:
        """Take the brake off when it has been on for a while; return by which option, or ""."""
        since = halted_since().get(Halt.BRAKE)
        if since is None or datetime.now(UTC) - since < NOTICED_AFTER:
            return ""
        way = next(self._ways)
        # Where others are at its row for too long the next look tries again.
        return way if _run("buffer_status", way) else ""

    def rotate(self) -> list[str]:
        """Make another key the first, and have what there is sealed with it; return the keys.

        Who has the old settings still seals with the old key: so rows are left for the next time.
        """
        settings.BUFFER_CONNECT["ENCRYPTION_KEYS"] = keys = next(self._keys)
        _run("buffer_rotate_keys")
        return keys


def _run(*command: str) -> bool:
    with Path(os.devnull).open("w") as nowhere:
        try:
            call_command(*command, stdout=nowhere, stderr=nowhere)
        except CommandError:
            return False
    return True
