"""For a site's own tests: a fake Buffer in this process. Needs the extra `sandbox`.

Nothing here is registered by being installed. The fixtures for pytest are in
`buffer_connect.testing.fixtures`.
"""

try:
    import graphql  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "The fake Buffer needs graphql-core. Install it with "
        '`pip install "django-buffer-connect[sandbox]"`.',
        name=error.name,
    ) from error

from buffer_connect.testing.buffer import FakeBuffer, fake_buffer
from buffer_connect.testing.records import Post, SentRequest

__all__ = ["FakeBuffer", "Post", "SentRequest", "fake_buffer"]
