"""The settings under which a site's tests meet the fake Buffer."""

from collections.abc import Mapping
from typing import Any

from buffer_connect.sandbox import CLIENT_ID, CLIENT_SECRET
from buffer_connect.sealing import generate_entry

ISSUER = "https://auth.buffer.com"
API_URL = "https://api.buffer.com"
# One for all tests of a process: links may be made once for a whole class.
_KEYS = (generate_entry("testing"),)


def settings_for_tests(site: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return `BUFFER_CONNECT` as the `site` has it, but for what leads to Buffer and its keys."""
    theirs = {name: value for name, value in (site or {}).items() if name != "ENDPOINTS"}
    return {
        **theirs,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "ENCRYPTION_KEYS": list(_KEYS),
        "REDIRECT_URI": None,
        "ISSUER": ISSUER,
        "API_URL": API_URL,
    }
