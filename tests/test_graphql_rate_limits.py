"""Rate limits as headers tell them, in today's form and the older ones."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer_connect.graphql import RateLimit, read_rate_limits

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def limit(quota, remaining, seconds):
    return RateLimit(limit=quota, remaining=remaining, resets_at=NOW + timedelta(seconds=seconds))


def structured(left, policies):
    return {"RateLimit": left, "RateLimit-Policy": policies}


def older(prefix, quota, remaining, reset):
    values = {"Limit": quota, "Remaining": remaining, "Reset": reset}
    return {f"{prefix}-{name}": str(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (
            structured(
                '"limit-1";r=99;t=840, "limit-2";r=249;t=86000, "limit-3";r=2999;t=2500000',
                '"limit-1";q=100;w=900;pk=:YWI=:, "limit-2";q=250;w=86400;pk=:YWI=:, '
                '"limit-3";q=3000;w=2592000;pk=:YWI=:',
            ),
            {
                "15m": limit(100, 99, 840),
                "24h": limit(250, 249, 86000),
                "30d": limit(3000, 2999, 2500000),
            },
        ),
        (structured('"a";r=0;t=5', '"a";q=100;w=900'), {"15m": limit(100, 0, 5)}),
        (structured('"a, b;c=\\"";r=1;t=5', '"a, b;c=\\"";q=9;w=900'), {"15m": limit(9, 1, 5)}),
        (structured('"b";t=5;r=1,"a";t=6;r=2', '"a";w=900;q=7'), {"15m": limit(7, 2, 6)}),
        (structured("a ; r=1 ; t=5", "a ; q=9 ; w=60"), {"60s": limit(9, 1, 5)}),
        (older("RateLimit", 100, 99, 840), {"15m": limit(100, 99, 840)}),
        (older("RateLimit", 250, 7, 40_000), {"24h": limit(250, 7, 40_000)}),
        (older("X-RateLimit", 3000, 7, 2_000_000), {"30d": limit(3000, 7, 2_000_000)}),
        (
            older("X-RateLimit", 100, 5, round(NOW.timestamp()) + 60),
            {"15m": limit(100, 5, 60)},
        ),
        (older("RateLimit", "250, 100;w=900, 250;w=86400", 7, 60), {"24h": limit(250, 7, 60)}),
        (
            {**older("RateLimit", 250, 7, 60), "RateLimit-Policy": "100;w=900, 250;w=86400"},
            {"24h": limit(250, 7, 60)},
        ),
        (
            {**older("X-RateLimit", 9, 9, 9), **older("RateLimit", 100, 99, 840)},
            {"15m": limit(100, 99, 840)},
        ),
        (
            {**older("RateLimit", 9, 9, 9), **structured('"a";r=1;t=5', '"a";q=2;w=86400')},
            {"24h": limit(2, 1, 5)},
        ),
        (
            {"x-ratelimit-limit": "1", "X-RATELIMIT-REMAINING": "1", "X-RateLimit-reset": "5"},
            {"15m": limit(1, 1, 5)},
        ),
    ],
    ids=range(14),
)
def test_the_limits_by_their_windows(headers, told):
    assert read_rate_limits(headers, NOW) == told


@pytest.mark.parametrize(
    "headers",
    [
        {},
        structured("", ""),
        structured('"a";r=1;t=5', '"b";q=9;w=900'),
        structured('"a";r=1', '"a";q=9;w=900'),
        structured('"a";r=-1;t=5', '"a";q=9;w=900'),
        structured('"a";r=1;t=5', '"a";q=9;w=0'),
        structured('"a";r=1;t=5', '"a";q=9;w="900"'),
        structured('"a";r=1;t=99999999999', '"a";q=9;w=900'),
        structured(",;=,", ",;=,"),
        older("RateLimit", "many", 1, 5),
        older("RateLimit", 9, "", 5),
        older("X-RateLimit", 9, 1, "2026-11-22T12:00:00Z"),
        {"RateLimit-Remaining": "5"},
    ],
    ids=range(13),
)
def test_of_what_cannot_be_read_nothing_is_told(headers):
    assert read_rate_limits(headers, NOW) == {}


NAMES = [
    "RateLimit",
    "RateLimit-Policy",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
]
VALUES = st.text(st.sampled_from('"\\;,=:rtqw019 -'), max_size=30) | st.text(max_size=10)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_whatever_comes_nothing_is_raised(headers):
    assert isinstance(read_rate_limits(headers, NOW), dict)
