"""What an installed package holds; tox runs these tests against the built wheel."""

import re
from importlib.metadata import metadata, requires, version
from pathlib import Path

import pytest

import buffer_connect

PACKAGE = Path(buffer_connect.__file__).parent


@pytest.mark.parametrize(
    "pattern",
    [
        "py.typed",
        "migrations/0001_initial.py",
        "sandbox/style.css",
        "management/commands/buffer_*.py",
    ],
)
def test_the_package_ships_more_than_its_modules(pattern):
    assert list(PACKAGE.glob(pattern))


def test_four_packages_are_all_that_it_needs():
    needed = [line for line in requires("django-buffer-connect") if "extra ==" not in line]
    assert {re.match(r"[\w-]+", line)[0].lower() for line in needed} == {
        "celery",
        "cryptography",
        "django",
        "requests-oauthlib",
    }


def test_its_extras_have_the_documented_names():
    extras = metadata("django-buffer-connect").get_all("Provides-Extra")
    assert set(extras) == {"docs", "mysql", "postgres", "redis", "sandbox", "test"}


def test_its_version_is_below_one():
    assert version("django-buffer-connect").startswith("0.")
