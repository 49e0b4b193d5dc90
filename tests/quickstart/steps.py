"""What a document tells its reader to do: files to write and commands to run, in its order.

A file is a fenced block under a line that names it: `` `path`: `` for a new one, `` `path`, at its end: ``
for lines to add. A command is a line of a `console` block behind `$ `.
"""

import re
from dataclasses import dataclass

SECTION = re.compile(r"^(#+) Quick start$.*?(?=^\1 |\Z)", re.MULTILINE | re.DOTALL)
STEP = re.compile(
    r"^(?:`(?P<path>[\w./]+)`(?P<at_its_end>, at its end)?:\n\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class File:
    """Write `text` into the file at `path`, or add it at its end."""

    path: str
    text: str
    at_its_end: bool


@dataclass(frozen=True)
class Command:
    """Run `line` in a shell."""

    line: str


def steps_of(text):
    """Return the steps under the heading "Quick start", up to the next one of its level."""
    quick_start = SECTION.search(text)[0]
    return [step for block in STEP.finditer(quick_start) for step in _steps(block)]


def _steps(block):
    if block["path"]:
        return [File(block["path"], block["text"], bool(block["at_its_end"]))]
    if block["kind"] != "console":
        raise ValueError(f"No file is named for {block['text'][:60]!r}.")
    return [Command(line) for line in COMMAND.findall(block["text"])]
