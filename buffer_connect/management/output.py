"""Lines on standard output that may lose their reader, as before `| head -1`."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import OutputWrapper


def say(out: OutputWrapper, line: str) -> None:
    """Write `line`; when nobody reads any more, let this and all that follows go nowhere."""
    try:
        out.write(line)
        out.flush()
    except BrokenPipeError:
        # Else what is left in the buffer fails once more when the process ends.
        buffer: Any = out.buffer
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), buffer.fileno())
