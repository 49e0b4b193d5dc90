"""When the database was away, by the looks of one who waits for it like all others."""

import pytest

from benchmarks.reliability.records import Span
from benchmarks.reliability.witness import Look, Witness


def look(at, is_there, took=0.0):
    return Look(at=at, until=at + took, is_there=is_there, is_halted=not is_there, sessions=None)


@pytest.mark.parametrize(
    ("looks", "away"),
    [
        ([], []),
        ([look(1, True), look(2, True)], []),
        ([look(1, True), look(2, False), look(3, True)], [(2, 3)]),
        ([look(1, False), look(2, False, 0.5), look(3, True, 0.4)], [(1, 3.4)]),
        (
            [look(1, False), look(2, True), look(3, True), look(4, False), look(5, True)],
            [(1, 2), (4, 5)],
        ),
    ],
)
def test_the_database_is_away_until_a_look_has_found_it(looks, away):
    witness = Witness()
    witness.looks = looks
    assert witness.away() == [Span(start=start, end=end) for start, end in away]


def test_it_is_halted_only_as_long_as_looks_say_so():
    witness = Witness()
    witness.looks = [look(1, True), look(2, False), look(3, False), look(4, True)]
    assert witness.halted() == [Span(start=2, end=3)]
