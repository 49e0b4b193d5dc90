"""The conditions in an SQL text, and the text with one of them left out."""

import re
from typing import NamedTuple

TOKEN = re.compile(r"'[^']*'|%\(\w+\)s|\{[^}]*\}|[A-Za-z_][\w.]*|\d[\d.]*|[()]|[^\s\w()'%{]+")
# What ends a condition.
END = {"ORDER", "LIMIT", "RETURNING", "GROUP", "FOR", "THEN", ")"}
TRUE, FALSE = "1 = 1", "1 = 0"
# What is as if a condition was not there, by the word that joins it to others.
NEUTRAL = {"AND": TRUE, "OR": FALSE}
# One of the values of a text that is made for a number of rows.
NUMBERED = re.compile(r"(%\([a-z_]+)\d+(\)s)")


class Part(NamedTuple):
    """A condition that can be left out, and what then stands in its place."""

    start: int
    end: int
    term: str
    instead: str


def parts_of(text):
    """Return every condition in a statement that can be left out, in their order."""
    tokens = [(match[0], *match.span()) for match in TOKEN.finditer(text)]
    found = set()
    for place, (word, *_) in enumerate(tokens):
        if word.upper() == "WHERE":
            found |= _replaced(_Reader(tokens, place + 1).condition(), sole=(TRUE,))
        if word.upper() == "WHEN":
            found |= _replaced(_Reader(tokens, place + 1).condition(), sole=(TRUE, FALSE))
    in_order = sorted(found, key=lambda each: (each[0], -each[1], each[2]))
    return [Part(start, end, _plain(text[start:end]), instead) for start, end, instead in in_order]


def without(text, parts):
    """Return the text in which each of `parts` is left out."""
    for part in sorted(parts, reverse=True):
        text = f"{text[: part.start]}{part.instead}{text[part.end :]}"
    return text


def _plain(term):
    return NUMBERED.sub(r"\1\2", " ".join(term.split()))


class _Condition(NamedTuple):
    """One condition, or the `parts` that a word joins."""

    start: int
    end: int
    joined_by: str = ""
    parts: tuple = ()


def _replaced(condition, sole):
    if not condition.parts:
        return {(condition.start, condition.end, instead) for instead in sole}
    found = set()
    for part in condition.parts:
        found.add((part.start, part.end, NEUTRAL[condition.joined_by]))
        found |= _replaced(part, sole=())
    return found


class _Reader:
    """Reads a condition from a place among the tokens on."""

    def __init__(self, tokens, place):
        self.tokens, self.place = tokens, place

    def condition(self):
        return self._joined("OR", lambda: self._joined("AND", self._one))

    @property
    def _word(self):
        return self.tokens[self.place][0].upper() if self.place < len(self.tokens) else ")"

    def _joined(self, word, read):
        parts = [read()]
        while self._word == word:
            self.place += 1
            parts.append(read())
        if len(parts) == 1:
            return parts[0]
        return _Condition(parts[0].start, parts[-1].end, word, tuple(parts))

    def _one(self):
        return self._group() if self._is_group() else self._leaf()

    def _group(self):
        start = self.tokens[self.place][1]
        self.place += 1
        inside = self.condition()
        end = self.tokens[self.place][2]
        self.place += 1
        return _Condition(start, end, inside.joined_by, inside.parts)

    def _is_group(self):
        """Whether parentheses stand around a condition, and are not part of one."""
        if self._word != "(":
            return False
        after = _Reader(self.tokens, self.place)
        after._skip()
        return after._word in {"AND", "OR", *END}

    def _leaf(self):
        start = self.tokens[self.place][1]
        while self._word not in {"AND", "OR", *END}:
            self._skip()
        return _Condition(start, self.tokens[self.place - 1][2])

    def _skip(self):
        """Go past one token, or all of what it opens."""
        closing = {"(": ")", "CASE": "END", "BETWEEN": "AND"}.get(self._word)
        self.place += 1
        while closing and self._word != closing:
            self._skip()
        self.place += bool(closing)
