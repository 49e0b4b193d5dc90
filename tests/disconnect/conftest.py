import pytest

from tests.links import link_to
from tests.processes import starting


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def start(sandbox, database_url):
    """Return a function that starts a process of the site: `start(job, *arguments)`."""
    with starting(database_url) as start_one:
        yield start_one
