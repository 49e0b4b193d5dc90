"""`make reliability`, in short: it finds out what was left out of the protocol."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

pytestmark = pytest.mark.long

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS = "45"
RUNS = 5


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


@pytest.mark.skipif(connection.vendor != "sqlite", reason="one database is enough to be found out")
@pytest.mark.parametrize("without", ["quarantine", "fence", "intent"])
def test_a_weakened_protocol_is_found_out(tmp_path, without):
    url = f"sqlite:///{tmp_path / 'reliability.sqlite3'}"
    # Where it stands still is chance, and so is who is hurt by it: about one run in six finds nothing.
    for _ in range(RUNS):
        code, printed = played(url, "--links", "60", "--standstills-only", "--weaken", without)
        if code:
            break
    assert code == 1, printed
    assert number("avoidable losses", printed) > 0, printed
