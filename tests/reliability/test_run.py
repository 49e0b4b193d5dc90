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
SECONDS = "60"
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


ONE_IS_ENOUGH = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="one database is enough to be found out"
)


def played_until_found_out(folder, *options):
    """Run it again while it finds nothing: what is hurt by trouble is chance."""
    url = f"sqlite:///{folder / 'reliability.sqlite3'}"
    for _ in range(RUNS):
        code, printed = played(url, *options)
        if code:
            break
    assert code == 1, printed
    return printed


@ONE_IS_ENOUGH
@pytest.mark.parametrize("without", ["quarantine", "fence", "intent"])
def test_a_weakened_protocol_is_found_out(tmp_path, without):
    # About one run in six finds nothing.
    options = "--links", "60", "--standstills-only", "--weaken", without
    printed = played_until_found_out(tmp_path, *options)
    assert number("avoidable losses", printed) > 0, printed


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
    printed = played_until_found_out(tmp_path, "--weaken", without)
    assert number(line, printed) > 0, printed
