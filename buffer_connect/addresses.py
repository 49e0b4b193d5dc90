"""What makes a URL one that secrets may be sent to."""

import ipaddress
import os
import re
from functools import lru_cache
from urllib.parse import urlsplit

_VISIBLE_ASCII = re.compile(r"https?://[!-~]+")


@lru_cache(maxsize=64)
def is_absolute_url(value: str) -> bool:
    """Return whether `value` is an http or https URL without user, fragment and oddities."""
    # Browsers take a backslash for a slash, and so see another host than the parser does.
    if _VISIBLE_ASCII.fullmatch(value) is None or "#" in value or "\\" in value:
        return False
    try:
        parts = urlsplit(value)
        # The port is parsed when it is asked for.
        return bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False


@lru_cache(maxsize=64)
def is_loopback(url: str) -> bool:
    """Return whether the host of `url` is this machine by its name or number."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def insecure_transport() -> bool:
    """Return whether `OAUTHLIB_INSECURE_TRANSPORT` is on; any value counts, "0" too."""
    return bool(os.environ.get("OAUTHLIB_INSECURE_TRANSPORT"))
