"""The scopes that Buffer documents, and the two that are always asked."""

import re

# The account's id makes the link, and without offline_access no refresh token comes.
ALWAYS_ASKED = ("account:read", "offline_access")

# Buffer's developer guide, "Authentication".
DOCUMENTED = frozenset(
    {
        "posts:read",
        "posts:write",
        "ideas:read",
        "ideas:write",
        "account:read",
        "account:write",
        "offline_access",
    }
)

# RFC 6749 section 3.3, scope-token.
_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def is_scope(value: object) -> bool:
    """Return whether `value` is one well-formed scope (RFC 6749 section 3.3)."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None
