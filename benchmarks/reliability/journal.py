"""What a process notes of itself, line by line, in a way that outlives its death."""

import json
import os
import time
from pathlib import Path
from typing import Any


class Journal:
    """A file to which lines are added; each is in the hands of the system at once."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = os.open(path, flags, 0o600)

    def note(self, what: str, **facts: Any) -> None:
        """Add a line: what happened, and now."""
        line = json.dumps({"at": time.time(), "what": what, **facts})
        os.write(self._file, f"{line}\n".encode())


def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the lines of every journal in `folder`, by the name of its process.

    A process that is killed in the middle of a line leaves that line unfinished; it is left out.
    """
    return {path.stem: list(_lines(path)) for path in sorted(folder.glob("*.journal"))}


def signalled_at(path: Path, *, after: float) -> float | None:
    """Return when the process of a journal sent itself a signal, after a moment; None: it has not."""
    if not path.exists():
        return None
    told = (line["at"] for line in _lines(path) if line["what"] == "signal")
    return next((at for at in told if at > after), None)


def _lines(path: Path) -> list[dict[str, Any]]:
    *lines, _ = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines]
