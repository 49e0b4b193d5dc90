"""What the command line takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("seconds", ["22", "53"])
def test_a_run_that_could_show_nothing_is_refused(seconds):
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.reliability"],
        capture_output=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "DATABASE_URL": "sqlite:///", "RELIABILITY_SECONDS": seconds},
        text=True,
    )
    assert told.returncode == 2
    assert "--seconds has to be 54 or more: a shorter run shows nothing." in told.stderr
