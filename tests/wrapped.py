"""A database that does something else with statements, for every thread of this process."""

from contextlib import contextmanager

from django.db import connection
from django.db.backends.signals import connection_created


@contextmanager
def on_every_connection(wrapper):
    """Hand each statement to `wrapper`, as `connection.execute_wrapper`, also on new connections."""

    def attach(connection, **facts):
        connection.execute_wrappers.append(wrapper)

    connection_created.connect(attach)
    try:
        with connection.execute_wrapper(wrapper):
            yield
    finally:
        connection_created.disconnect(attach)
