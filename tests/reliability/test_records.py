import pytest

from benchmarks.reliability.records import Span


def spans(*pairs):
    return [Span(start=start, end=end) for start, end in pairs]


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [(0, 10)]),
        ([(0, 10)], []),
        ([(-5, 20)], []),
        ([(2, 4)], [(0, 2), (4, 10)]),
        ([(6, 8), (2, 4)], [(0, 2), (4, 6), (8, 10)]),
        ([(-1, 3), (2, 5), (9, 12)], [(5, 9)]),
        ([(20, 30), (-9, -1)], [(0, 10)]),
    ],
)
def test_what_is_left_of_a_span(taken, left):
    assert Span(start=0, end=10).without(spans(*taken)) == spans(*left)
