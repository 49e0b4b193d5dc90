"""The example site's tests, run as the site would: by pytest and by Django, on a machine without a network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from buffer_connect.sealing import generate_entry

HERE = Path(__file__).parent
SITE = HERE / "example_site"
CHECKOUT = HERE.parent.parent
SETTINGS = "tests.testing.example_site.settings"
# What stands before Django's own runner, as pytest-socket stands before pytest.
NO_NETWORK = """
import socket
def refuse(*args): raise OSError("There is no network here.")
socket.socket.connect = socket.socket.bind = refuse
"""
DJANGO = f"""{NO_NETWORK}
from django.core.management import execute_from_command_line as manage
manage(["manage.py", "test", "--settings={SETTINGS}", "tests.testing.example_site"])
"""

pytestmark = pytest.mark.long


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_by_pytest_without_any_key():
    own = ["-c", os.devnull, f"--rootdir={SITE}", f"--confcutdir={SITE}", f"--ds={SETTINGS}"]
    alone = ["-p", "no:cacheprovider", "--disable-socket"]
    ran = run("-m", "pytest", *own, *alone, str(SITE))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "12 passed" in ran.stdout


def test_by_django_with_settings_that_pass_the_checks():
    ran = run("-c", DJANGO, BUFFER_CLIENT_ID="none", BUFFER_CONNECT_KEYS=generate_entry("none"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Ran 3 tests" in ran.stderr
