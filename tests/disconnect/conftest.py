import pytest

from tests.links import link_to
from tests.processes import Process


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def start(sandbox, database_url):
    """Return a function that starts a process of the site: `start(job, *arguments)`."""
    processes = []

    def start_one(job, *arguments, **rest):
        processes.append(Process(database_url, job, *arguments, **rest))
        return processes[-1]

    yield start_one
    for process in processes:
        process.clean_up()
