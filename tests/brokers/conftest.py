"""Each test runs over RabbitMQ and over Redis."""

import uuid

import pytest

from tests.brokers.site import Site
from tests.servers import RABBITMQ_URL, REDIS_URL

BROKERS = [
    pytest.param(RABBITMQ_URL, marks=[pytest.mark.rabbitmq, pytest.mark.long], id="RabbitMQ"),
    pytest.param(REDIS_URL, marks=[pytest.mark.redis, pytest.mark.long], id="Redis"),
]


@pytest.fixture(params=BROKERS)
def site(request, sandbox, database_url, tmp_path):
    """Return a site with no process yet, over a queue of its own."""
    site = Site(request.param, f"tests-{uuid.uuid4()}", database_url, tmp_path)
    yield site
    site.close()
