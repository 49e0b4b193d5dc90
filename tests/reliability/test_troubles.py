import random

import pytest

from benchmarks.reliability.timing import LEASE
from benchmarks.reliability.troubles import FAULTS, HANG, MISCONFIGURED, any_fault, met
from buffer_connect.oauth.token import VERDICTS, Verdict
from buffer_connect.sandbox.faults import Fault


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
    assert met({"fault": fault, "error": "", "at": 1.0, "ended_at": ended_at}) == expected


def test_a_request_that_the_server_has_not_ended_met_what_it_met():
    assert met({"fault": "outage", "error": "", "at": 1.0, "ended_at": None}) == "outage"


@pytest.mark.parametrize(
    ("error", "expected"), [("invalid_request", "misconfigured"), ("server_error", "oauth_error")]
)
def test_a_refusal_of_the_request_is_told_from_other_errors(error, expected):
    refused = {"fault": "oauth_error", "error": error, "at": 1.0, "ended_at": 1.0}
    assert met(refused) == expected


@pytest.mark.parametrize("endpoint", FAULTS)
def test_the_sandbox_knows_every_fault(endpoint):
    rng = random.Random(1)
    for _ in range(100):
        kind, options = any_fault(rng, endpoint)
        on, times = options.pop("on"), options.pop("times")
        assert Fault(kind=kind, on=on, times=times, options=options).meets(endpoint, None)


def test_what_the_request_is_refused_for_is_what_the_client_takes_for_that():
    known = {error for (_, error), verdict in VERDICTS.items() if verdict == Verdict.MISCONFIGURED}
    assert known == set(MISCONFIGURED)


def test_some_faults_outlast_the_lease():
    rng = random.Random(1)
    longest = max(any_fault(rng, "token")[1].get("seconds", 0.0) for _ in range(200))
    assert longest == HANG > LEASE
