"""Which link nobody has taken up again: made-up lives go in."""

import pytest

from benchmarks.reliability.judge import is_forgotten
from tests.reliability.records import END, life, process, world

AWAKE = {"sweep": process()}


@pytest.mark.parametrize(
    ("since", "expected"), [(None, False), (END - 5, False), (END - 7, True), (END + 9, False)]
)
def test_a_link_that_no_sweep_takes_up_is_forgotten(since, expected):
    assert is_forgotten(life(waits_since=since), world(**AWAKE)) is expected


@pytest.mark.parametrize(
    "around",
    [
        {"sweep": process((END - 6, END - 3))},
        {"sweep": process(killed_at=END - 6)},
        {**AWAKE, "away": [(END - 6, END - 4)]},
        {**AWAKE, "halted": [(END - 6, END - 4)]},
        {},
    ],
)
def test_but_not_while_none_could_take_it_up(around):
    assert not is_forgotten(life(waits_since=END - 8), world(**around))


def test_a_link_that_waited_in_vain_until_the_user_reconnected_is_forgotten():
    assert is_forgotten(life(waits_since=120.0, until=130.0), world(**AWAKE))
