from buffer_connect.testing.fixtures import buffer, make_link  # noqa: F401
