"""`make reliability`, in short: it finds nothing, and finds what was left out of the protocol."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from example_project import databases

pytestmark = pytest.mark.long

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS, LINKS = 45, 40


@pytest.fixture
def url(tmp_path):
    """The database from whose name the run makes that of its own."""
    given = os.environ.get("DATABASE_URL")
    if connection.vendor == "sqlite" or not given:
        return f"sqlite:///{tmp_path / 'reliability.sqlite3'}"
    return databases.to_url({**databases.from_url(given), "NAME": "reliability_tests"})


def played(url, *options):
    """Run it; return the exit code and what it printed."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.reliability", *options],
        capture_output=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "DATABASE_URL": url, "RELIABILITY_SECONDS": str(SECONDS)},
        text=True,
    )
    return told.returncode, f"{told.stdout}\n{told.stderr}"


def number(name, printed):
    return int(re.search(rf"^ *{name} +([\d,]+)$", printed, re.MULTILINE)[1].replace(",", ""))


def test_nothing_is_lost_that_could_have_been_saved(url):
    code, printed = played(url, "--links", str(LINKS))
    assert code == 0, printed
    assert number("refreshes done", printed) > LINKS
    assert number("losses that no client can save", printed) > 0


@pytest.mark.skipif(connection.vendor != "sqlite", reason="one database is enough to be found out")
@pytest.mark.parametrize("without", ["quarantine", "fence", "intent"])
def test_a_weakened_protocol_is_found_out(url, without):
    code, printed = played(url, "--links", "60", "--standstills-only", "--weaken", without)
    assert code == 1, printed
    assert number("avoidable losses", printed) > 0, printed
