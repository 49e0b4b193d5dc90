"""The reference has one heading for each check, and no other."""

import re
from pathlib import Path

import pytest

from buffer_connect import checks

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "checks.md"
SOURCES = sorted(Path(checks.__file__).parent.glob("*.py"))


def headings():
    return re.findall(r"^### buffer_connect\.(\w+)$", REFERENCE.read_text("utf-8"), re.MULTILINE)


def used():
    return {
        number
        for path in SOURCES
        for number in re.findall(r'"([EW]\d{3})"', path.read_text("utf-8"))
    }


def test_every_check_has_a_heading_in_the_reference_and_every_heading_a_check():
    assert set(headings()) == used()


def test_no_heading_comes_twice():
    assert len(headings()) == len(set(headings()))


@pytest.mark.parametrize("letter", "EW")
def test_the_numbers_leave_no_gap(letter):
    numbers = sorted(int(number[1:]) for number in used() if number[0] == letter)
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_check_is_registered_once():
    registered = [*checks.CHECKS, *checks.DEPLOY_CHECKS, *checks.DATABASE_CHECKS]
    modules = (checks.settings, checks.transport, checks.celery, checks.pages, checks.databases)
    written = {
        check
        for module in modules
        for name, check in vars(module).items()
        if name.startswith("check_") and check.__module__ == module.__name__
    }
    assert sorted(registered, key=repr) == sorted(written, key=repr)
