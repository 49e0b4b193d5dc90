"""Commands whose output nobody reads to its end, as before `| head -1`."""

import os
import subprocess
import sys


def unread(database_url, *command, **environment):
    """Run a command on a pipe that has no reader any more; return its exit code and complaints."""
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "DATABASE_URL": database_url, **environment}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "django", *command],
            env=environment,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr
