"""Fixtures of the tests with several processes."""

import pytest

from tests.processes import starting


@pytest.fixture
def start(sandbox, database_url):
    """Return a function that starts a process of the site: `start(job, *arguments)`."""
    with starting(database_url) as start_one:
        yield start_one
