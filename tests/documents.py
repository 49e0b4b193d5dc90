"""The documentation beside the tests, in as much Markdown as it is written in."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
DOCS = CHECKOUT / "docs"
if not DOCS.exists():
    pytest.skip("the documentation is not beside the tests", allow_module_level=True)


class Text:
    """Markdown. What is written as code in a table or a fact comes without its backticks."""

    def __init__(self, text):
        self.text = text

    def headings(self, level):
        return re.findall(rf"^{'#' * level} (.+)$", _blanked_code(self.text), re.MULTILINE)

    def under(self, heading):
        """The text under a heading, up to the next one of any level."""
        start = re.search(rf"^#{{1,3}} {re.escape(heading)}$", self.text, re.MULTILINE).end()
        end = re.search(r"^#{1,3} ", _blanked_code(self.text)[start:], re.MULTILINE)
        return Text(self.text[start:][: end and end.start()])

    def table(self, heading):
        """The rows of the table under a heading, by their first cell."""
        lines = re.findall(r"^\|(.+)\|$", self.under(heading).text, re.MULTILINE)
        rows = [[_bare(cell) for cell in line.split("|")] for line in lines[2:]]
        return {first: rest for first, *rest in rows}

    def fact(self, heading, name):
        """The value of a line `- name: value` under a heading."""
        return _bare(re.search(rf"^- {name}: (.+)$", self.under(heading).text, re.MULTILINE)[1])

    def blocks(self, language):
        return re.findall(rf"^```{language}\n(.*?)^```", self.text, re.MULTILINE | re.DOTALL)

    def block(self, language, naming):
        """The one block of code that has `naming` in it."""
        (block,) = (block for block in self.blocks(language) if naming in block)
        return block


class Document(Text):
    """One file."""

    def __init__(self, path):
        super().__init__(path.read_text(encoding="utf-8"))
        self.path = path

    def __str__(self):
        return str(self.path.relative_to(CHECKOUT))


def reference(name):
    return Document(DOCS / "reference" / f"{name}.md")


def names(cell):
    """The names in a cell or a line: `a`, `b`; none for a word without backticks."""
    return [] if cell == "none" else cell.replace("`", "").split(", ")


def _blanked_code(text):
    """The text in its full length, with blanks for blocks of code: comments look like headings."""
    pattern = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
    return pattern.sub(lambda block: " " * len(block[0]), text)


def _bare(cell):
    cell = cell.strip()
    return cell[1:-1] if re.fullmatch(r"`[^`]*`", cell) else cell
