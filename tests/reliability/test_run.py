"""`make reliability`, in short: it finds out what was left out of the protocol."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from benchmarks.reliability.report import LATE_COMMITS

# A run takes a minute, and one that finds nothing is made again.
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS = "60"
# About one run in six finds nothing.
RUNS = 8


def played(url, *options):
    """Run it; return the exit code and what it printed."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.reliability", *options],
        capture_output=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "DATABASE_URL": url, "RELIABILITY_SECONDS": SECONDS},
        text=True,
    )
    return told.returncode, f"{told.stdout}\n{told.stderr}"


def number(name, printed):
    return int(re.search(rf"^ *{name} +([\d,]+)$", printed, re.MULTILINE)[1].replace(",", ""))


ONE_IS_ENOUGH = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="one database is enough to be found out"
)


def is_found_out(folder, line, *options):
    """Run it again while `line` says 0: what is hurt by trouble is chance."""
    url = f"sqlite:///{folder / 'reliability.sqlite3'}"
    return any(_counts(line, *played(url, *options)) for _ in range(RUNS))


def _counts(line, code, printed):
    assert code == 0 or "has to be 0" in printed, printed
    return number(line, printed) > 0 and code == 1


@ONE_IS_ENOUGH
@pytest.mark.parametrize("without", ["quarantine", "fence", "intent"])
def test_a_weakened_protocol_is_found_out(tmp_path, without):
    options = "--links", "60", "--standstills-only", "--weaken", without
    assert is_found_out(tmp_path, "avoidable losses", *options)


@ONE_IS_ENOUGH
@pytest.mark.parametrize(
    ("without", "line"),
    [
        ("resend", "links never taken up again"),
        ("expiry", "links never taken up again"),
        ("deadline", r"requests out for longer than connect \+ total \+ slack"),
    ],
)
def test_what_nobody_ends_is_found_out(tmp_path, without, line):
    assert is_found_out(tmp_path, line, "--weaken", without)


@ONE_IS_ENOUGH
def test_an_answer_that_lies_for_a_while_is_found_out(tmp_path):
    url = f"sqlite:///{tmp_path / 'reliability.sqlite3'}"
    code, printed = played(url, "--weaken", "promptness")
    assert code == 1
    assert number("avoidable losses", printed) > 0
    assert number(LATE_COMMITS, printed) > 0
