"""The site's staff: they see that the brake is on, and take it off, the one way and the other."""

import os
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

from django.core.management import CommandError, call_command

from buffer_connect.flows.refresh.halt import Halt, halted_since

# The brake has been on for so long when somebody does something about it.
NOTICED_AFTER = timedelta(seconds=1.5)


class Staff:
    """Looks from time to time whether there is something to do."""

    def __init__(self) -> None:
        self._ways = cycle(["--retry", "--resume"])

    def look(self) -> str:
        """Take the brake off when it has been on for a while; return by which option, or ""."""
        since = halted_since().get(Halt.BRAKE)
        if since is None or datetime.now(UTC) - since < NOTICED_AFTER:
            return ""
        way = next(self._ways)
        try:
            with Path(os.devnull).open("w") as nowhere:
                call_command("buffer_status", way, stdout=nowhere)
        except CommandError:
            # Others were at its row for too long; the next look tries again.
            return ""
        return way
