"""The line of a long job: its rate and the time that is left, by a clock that the test sets."""

from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from buffer_connect.management import progress
from buffer_connect.management.progress import EVERY, WIPE, ProgressLine
from tests.test_rotate_keys import Terminal


class Clock:
    """Stands still; `now` is what it shows."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "monotonic", clock)
    return clock


@pytest.fixture
def terminal():
    return Terminal()


@pytest.fixture
def line(terminal, clock):
    return ProgressLine(OutputWrapper(terminal))


def drawn(terminal):
    """What was drawn, drawing by drawing."""
    return terminal.getvalue().split(WIPE)[1:]


@pytest.mark.parametrize(
    ("seconds", "done", "total", "text"),
    [
        (10, 50, 100, "50 of 100, 5 a second, 0:00:10 left"),
        (10, 1_000, 1_000_000, "1,000 of 1,000,000, 100 a second, 2:46:30 left"),
        (4, 1, 3, "1 of 3, 0 a second, 0:00:08 left"),
        (100, 100, 200_000, "100 of 200,000, 1 a second, 2 days, 7:31:40 left"),
        (10, 100, 100, "100 of 100, 10 a second, 0:00:00 left"),
    ],
)
def test_it_tells_the_rate_and_the_time_that_is_left(
    line, terminal, clock, seconds, done, total, text
):
    clock.now += seconds
    line.show(done, total)
    assert drawn(terminal) == [text]


def test_of_a_job_without_a_known_end_it_tells_the_rate(line, terminal, clock):
    clock.now += 3
    line.show(4_500)
    assert drawn(terminal) == ["4,500, 1,500 a second"]


def test_a_job_that_grows_has_no_negative_time_left(line, terminal, clock):
    clock.now += 10
    line.show(20, 10)
    assert drawn(terminal) == ["20 of 10, 2 a second, 0:00:00 left"]


def test_the_first_row_is_shown_though_no_time_has_passed(line, terminal):
    line.show(1, 2)
    assert drawn(terminal) == ["1 of 2, 1,000 a second, 0:00:00 left"]


def test_the_rate_is_that_of_the_whole_job(line, terminal, clock):
    for seconds, done in [(10, 100), (10, 110), (20, 120)]:
        clock.now += seconds
        line.show(done, 240)
    assert drawn(terminal) == [
        "100 of 240, 10 a second, 0:00:14 left",
        "110 of 240, 6 a second, 0:00:24 left",
        "120 of 240, 3 a second, 0:00:40 left",
    ]


def test_it_is_drawn_anew_no_more_often_than_can_be_read(line, terminal, clock):
    for done, seconds in enumerate([0.9 * EVERY, 0.2 * EVERY, 0.8 * EVERY, 0.3 * EVERY, 9], 1):
        line.show(done)
        clock.now += seconds
    assert [text.partition(",")[0] for text in drawn(terminal)] == ["1", "3", "5"]


def test_a_log_gets_neither_the_line_nor_what_takes_it_away(clock):
    log = StringIO()
    line = ProgressLine(OutputWrapper(log))
    clock.now += 10
    line.show(5, 10)
    line.wipe()
    assert log.getvalue() == ""


def test_the_line_is_taken_away_at_the_end(line, terminal):
    line.wipe()
    assert terminal.getvalue() == WIPE
