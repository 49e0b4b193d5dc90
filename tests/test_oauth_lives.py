from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer_connect.oauth.lives import (
    backoff,
    due_in,
    life,
    long_backoff,
    patient_pause,
    retry_after,
)

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
fractions = st.floats(0, 1)
pauses = st.none() | st.floats(0, 1e6)


def lowest():
    return 0.0


def middle():
    return 0.5


def highest():
    return 1.0


@pytest.mark.parametrize(
    ("expires_in", "expected"),
    [
        (3600, 3600),
        (60, 60),
        (1, 1),
        ("7200", 7200),
        (31_536_001, 31_536_000),
        ("9" * 5000, 31_536_000),
        (10**400, 31_536_000),
        (None, 3600),
        (0, 3600),
        (-1, 3600),
        (True, 3600),
        ("", 3600),
        ("-5", 3600),
        ("1h", 3600),
        ("٣", 3600),
        (60.5, 3600),
        (float("nan"), 3600),
        (float("inf"), 3600),
        ([60], 3600),
        ({}, 3600),
    ],
)
def test_the_life_of_an_access_token(expires_in, expected):
    assert life(expires_in) == expected


@pytest.mark.parametrize(
    ("seconds", "margin", "random", "expected"),
    [
        (3600, None, middle, 2700),
        (3600, None, lowest, 2790),
        (3600, None, highest, 2610),
        (14_400, None, middle, 10_800),
        (600, None, middle, 450),
        (3599, None, middle, 3599 * 0.75),
        (60, 30, middle, 30),
        (60, 30, highest, 30),
        (60, 30, lowest, 33),
        (3600, 7200, middle, 30),
        (40, 60, middle, 20),
        (8, 60, middle, 5),
        (1, None, middle, 5),
        # The refresh token must not idle for as long as that.
        (30 * 86_400, None, middle, 86_400),
        (31_536_000, 60, highest, 95_040),
    ],
)
def test_when_the_next_refresh_is_due(seconds, margin, random, expected):
    assert due_in(seconds, margin=margin, random=random) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("seconds", "random", "expected"),
    [
        (3600, lowest, 77_760),
        (3600, middle, 86_400),
        (3600, highest, 95_040),
        (1, middle, 86_400),
        (-60, middle, 86_400),
        (7 * 86_400, middle, 86_400),
    ],
)
def test_a_link_that_rests_is_due_once_a_day(seconds, random, expected):
    assert due_in(seconds, margin=None, random=random, rests=True) == pytest.approx(expected)


@given(st.integers(1, 31_536_000), st.none() | st.floats(0.1, 1e6), fractions, st.booleans())
def test_a_refresh_is_never_due_at_once(seconds, margin, fraction, rests):
    due = due_in(seconds, margin=margin, random=lambda: fraction, rests=rests)
    assert due >= max(5, min(30, seconds / 2))


@pytest.mark.parametrize(
    ("failures", "random", "expected"),
    [
        (1, lowest, 2),
        (1, highest, 4),
        (2, highest, 8),
        (3, highest, 16),
        (3, lowest, 2),
        (3, middle, 9),
        (8, highest, 300),
        (10_000, highest, 300),
        (0, highest, 4),
    ],
)
def test_the_pause_grows_with_the_failures(failures, random, expected):
    pause = backoff(failures, until_expiry=0, retry_after=None, random=random)
    assert pause == pytest.approx(expected)


@pytest.mark.parametrize(
    ("until_expiry", "asked", "expected"),
    [
        (3600, None, 300),
        (160, None, 100),
        (61, None, 2),
        (60, None, 300),
        (59, None, 300),
        (-5, None, 300),
        (160, 200, 200),
        (160, 7, 100),
        (3600, 7, 300),
        (3600, 100_000, 900),
        (61, 0, 2),
    ],
)
def test_the_pause_keeps_to_the_end_of_the_token_and_to_what_was_asked(
    until_expiry, asked, expected
):
    pause = backoff(20, until_expiry=until_expiry, retry_after=asked, random=highest)
    assert pause == pytest.approx(expected)


@given(st.integers(0, 100), st.floats(-1e6, 1e6), pauses, fractions)
def test_a_pause_lies_between_two_seconds_and_a_quarter_of_an_hour(
    failures, until_expiry, asked, fraction
):
    pause = backoff(failures, until_expiry=until_expiry, retry_after=asked, random=lambda: fraction)
    assert 2 <= pause <= 900


@pytest.mark.parametrize(
    ("asked", "random", "expected"),
    [(None, lowest, 810), (None, highest, 990), (900, lowest, 900), (5, middle, 900)],
)
def test_the_long_pause_is_a_quarter_of_an_hour(asked, random, expected):
    assert long_backoff(retry_after=asked, random=random) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("7", 7),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("0", 1),
        ("99999", 900),
        ("9" * 400, None),
        ("Sun, 01 Nov 2026 12:01:30 GMT", 90),
        ("Sun, 01 Nov 2026 12:01:30 -0000", 90),
        ("Sun, 01 Nov 2026 11:00:00 GMT", 1),
        ("Mon, 02 Nov 2026 12:00:00 GMT", 900),
        ("Sun, 99 Nov 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header, expected):
    assert retry_after(header, NOW) == expected


@given(st.text(st.characters(codec="ascii")))
def test_no_retry_after_fails(header):
    pause = retry_after(header, NOW)
    assert pause is None or 1 <= pause <= 900


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [(0, 120), (1, 120), (2, 240), (3, 480), (8, 15_360), (9, 21_600), (500, 21_600)],
)
def test_a_patient_pause_grows_to_six_hours(attempts, expected):
    assert patient_pause(attempts, retry_after=None, random=highest) == expected
    assert patient_pause(attempts, retry_after=None, random=lowest) == 30


@given(st.integers(0, 1000), fractions, st.floats(0, 86_400))
def test_a_patient_pause_honours_retry_after(attempts, fraction, asked):
    assert patient_pause(attempts, retry_after=asked, random=lambda: fraction) >= asked


def test_a_patient_pause_is_never_over_a_day():
    assert patient_pause(1, retry_after=1e9, random=highest) == 86_400
