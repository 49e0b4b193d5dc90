"""A process of the crew may be gone at any moment."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.reliability.hand import Hand


@pytest.fixture
def gone():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return Hand(agent="sweep-0", kind="sweep", process=process, notes=Path(), stops_itself=False)


def test_who_is_gone_cannot_be_stopped(gone):
    assert not gone.stop()
    assert gone.stopped_at is None


def test_nor_can_it_go_on_but_its_standstill_ends(gone):
    gone.stopped_at = 1.0
    gone.go_on()
    assert gone.stopped_at is None
    assert [span.start for span in gone.standstills] == [1.0]
