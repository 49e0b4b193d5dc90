"""A statement, or a function, without one of its conditions."""

import re
from collections import Counter
from typing import NamedTuple

from tests.mutation.terms import FALSE, NUMBERED, TRUE, parts_of, without

# One group of values after another, of a text that is made for a number of rows.
_REPEATED = re.compile(r"(\((?:[^()]|\([^()]*\))*\))( OR \1)+")
_RETURNING = re.compile(r"\sRETURNING\s.*", re.DOTALL)


class Mutant(NamedTuple):
    """A statement without one of its conditions; or a function of `fences`, by its name."""

    key: str
    term: str
    instead: str
    # Of the conditions that read alike, the how-manyth.
    place: int

    def __str__(self):
        how = {TRUE: "always", FALSE: "never"}.get(self.instead, "left out")
        which = f", no. {self.place + 1}" if self.place else ""
        return f"{self.term} ({how}{which})"

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
    return numbered(key, (part[2:] for part in parts_of(key)))


def numbered(key, parts):
    """Return a mutant for each of `parts`: what is left out, and what stands instead."""
    found, alike = [], Counter()
    for term, instead in parts:
        found.append(Mutant(key, term, instead, alike[term, instead]))
        alike[term, instead] += 1
    return found
