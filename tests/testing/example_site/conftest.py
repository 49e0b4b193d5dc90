import pytest

# The top conftest.py of a site has `pytest_plugins = ["buffer_connect.testing.fixtures"]` instead.
from buffer_connect.testing.fixtures import buffer, make_link  # noqa: F401


@pytest.fixture(autouse=True)
def pages_of_the_site(settings):
    """Let the tests also run among those of the package, whose settings have other pages."""
    settings.ROOT_URLCONF = "tests.testing.example_site.urls"
