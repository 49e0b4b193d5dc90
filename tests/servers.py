"""Which of the servers that some tests need can be reached."""

import os
import shutil
import socket
from collections.abc import Callable
from importlib.util import find_spec
from urllib.parse import urlsplit

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
RABBITMQ_URL = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
BROWSER_PACKAGES = ("playwright", "axe_playwright_python")

# CI sets it: there, a server that cannot be reached is a failure.
REQUIRED = bool(os.environ.get("BUFFER_CONNECT_REQUIRE_SERVERS"))


def missing_redis() -> str:
    return _missing_server(REDIS_URL)


def missing_rabbitmq() -> str:
    return _missing_server(RABBITMQ_URL)


def missing_browser() -> str:
    absent = [name for name in BROWSER_PACKAGES if find_spec(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (the dependency group `browser`)"
    return "" if CHROMIUM else "no chromium on PATH"


# What is missing for the tests with this marker; an empty text: nothing.
MISSING: dict[str, Callable[[], str]] = {
    "redis": missing_redis,
    "rabbitmq": missing_rabbitmq,
    "browser": missing_browser,
}


def _missing_server(url: str) -> str:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=2).close()
    except OSError as error:
        return f"no server at {parts.hostname}:{parts.port} ({error})"
    return ""
