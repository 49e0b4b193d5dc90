import random

import pytest

from benchmarks.reliability.timing import LEASE
from benchmarks.reliability.troubles import HANG, any_fault, met


@pytest.mark.parametrize(
    ("fault", "ended_at", "expected"),
    [
        ("", 1.0, ""),
        ("outage", 1.0, "outage"),
        ("outage", 1.0 + HANG, "hang"),
        ("slow", 3.8, "slow"),
    ],
)
def test_a_fault_is_called_what_it_was(fault, ended_at, expected):
    assert met({"fault": fault, "at": 1.0, "ended_at": ended_at}) == expected


def test_a_request_that_the_server_has_not_ended_met_what_it_met():
    assert met({"fault": "outage", "at": 1.0, "ended_at": None}) == "outage"


def test_some_faults_outlast_the_lease():
    rng = random.Random(1)
    longest = max(any_fault(rng)[1].get("seconds", 0.0) for _ in range(200))
    assert longest == HANG > LEASE
