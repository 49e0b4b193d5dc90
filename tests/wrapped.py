"""A database that does something else with statements, for every thread of this process."""

from contextlib import ExitStack, contextmanager

from django.db import connection
from django.db.backends.signals import connection_created


@contextmanager
def on_every_connection(wrapper):
    """Hand each statement to `wrapper`, as `connection.execute_wrapper`, also on new connections."""
    with ExitStack() as stack:

        def attach(connection, **facts):
            # One that was opened anew has it already.
            if wrapper not in connection.execute_wrappers:
                connection.execute_wrappers.append(wrapper)
                stack.callback(connection.execute_wrappers.remove, wrapper)

        attach(connection)
        connection_created.connect(attach)
        stack.callback(connection_created.disconnect, attach)
        yield
