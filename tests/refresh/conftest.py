"""Fixtures of the tests with several processes."""

import pytest

from tests.processes import Process


@pytest.fixture
def start(sandbox, database_url):
    """Return a function that starts a process of the site: `start(job, *arguments)`."""
    processes = []

    def start_one(job, *arguments, options="", **rest):
        processes.append(Process(database_url + options, job, *arguments, **rest))
        return processes[-1]

    yield start_one
    for process in processes:
        process.clean_up()
