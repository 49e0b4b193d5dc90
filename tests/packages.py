"""The packages of others that the documentation has recipes for; the extra `test` brings them."""

from importlib import import_module

import pytest

from tests import servers


def need(name):
    """Leave the test module out where the package `name` is not installed; in CI that fails."""
    try:
        import_module(name)
    except ImportError:
        if servers.REQUIRED:
            raise
        pytest.skip(f"not installed: {name} (the extra `test`)", allow_module_level=True)
