"""A statement without one of its conditions."""

import re
from typing import NamedTuple

from tests.mutation.terms import NUMBERED, TRUE, parts_of, without

# One group of values after another, of a text that is made for a number of rows.
_REPEATED = re.compile(r"(\((?:[^()]|\([^()]*\))*\))( OR \1)+")
_RETURNING = re.compile(r"\sRETURNING\s.*", re.DOTALL)


class Mutant(NamedTuple):
    """A statement without one of its conditions."""

    key: str
    term: str
    instead: str
    # Of the conditions that read alike, the how-manyth.
    place: int

    def __str__(self):
        which = f", no. {self.place + 1}" if self.place else ""
        return f"{self.term} ({'always' if self.instead == TRUE else 'never'}{which})"

    def applied_to(self, text):
        """Return the text without the condition; as it is when it is of another statement."""
        if key_of(text) != self.key:
            return text
        alike = [part for part in parts_of(text) if part[2:] == (self.term, self.instead)]
        return without(text, alike if NUMBERED.search(text) else [alike[self.place]])


def key_of(text):
    """Return what is the same for the texts of one statement: for several rows, or returning them."""
    plain = NUMBERED.sub(r"\1\2", " ".join(_RETURNING.sub("", text).split()))
    return _REPEATED.sub(r"\1", plain)


def mutants_of(key):
    """Return every mutant of the statement with this key."""
    found, alike = [], {}
    for part in parts_of(key):
        place = alike.get(part[2:], 0)
        alike[part[2:]] = place + 1
        found.append(Mutant(key, part.term, part.instead, place))
    return found
