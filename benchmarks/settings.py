"""The site of the benchmarks. DATABASE_URL picks the database."""

import os

from example_project import databases

SECRET_KEY = "benchmarks only"  # noqa: S105
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "buffer_connect",
]
DATABASES = {"default": databases.from_url(os.environ["DATABASE_URL"])}
# A site keeps its connections; making one would be what is measured.
DATABASES["default"]["CONN_MAX_AGE"] = None
LOGGING = {"version": 1, "root": {"handlers": [], "level": "ERROR"}}
BUFFER_CONNECT = {
    "CLIENT_ID": "benchmarks",
    "CLIENT_SECRET": "a-secret-of-the-benchmarks",
    "ENCRYPTION_KEYS": ["benchmarks:CNsp/e3ROkLRfluX0trN4uc7u7At0Ow6Pgf3XdZgUtg="],
    "ENDPOINTS": {"introspection": None},
}
