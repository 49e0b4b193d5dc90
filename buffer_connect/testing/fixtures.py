"""Fixtures for pytest and pytest-django, for those who ask: none registers itself.

`pytest_plugins = ["buffer_connect.testing.fixtures"]` in the site's top `conftest.py`, or an import.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from buffer_connect.models import BufferLink
from buffer_connect.testing.buffer import FakeBuffer
from buffer_connect.testing.settings import settings_for_tests
from buffer_connect.values import NAME


@pytest.fixture
def buffer(settings: Any) -> Iterator[FakeBuffer]:
    """Put a fake Buffer in the place of Buffer, under settings for tests."""
    # By pytest-django's fixture: what the test itself changes with it is undone in the right order.
    setattr(settings, NAME, settings_for_tests(getattr(settings, NAME, None)))
    with FakeBuffer() as fake:
        yield fake


@pytest.fixture
def make_link(buffer: FakeBuffer, db: None) -> Callable[..., BufferLink]:
    """Make links to accounts of the fake Buffer: its `make_link`."""
    return buffer.make_link
