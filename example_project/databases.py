"""The DATABASES entry that a DATABASE_URL stands for, and the URL for an entry."""

from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

POSTGRESQL = "django.db.backends.postgresql"
MYSQL = "django.db.backends.mysql"
SQLITE = "django.db.backends.sqlite3"

ENGINES = {
    "sqlite": SQLITE,
    "postgres": POSTGRESQL,
    "postgresql": POSTGRESQL,
    "mysql": MYSQL,
}

# A read that turns into a write inside a DEFERRED transaction fails at once, whatever
# the timeout says; an IMMEDIATE one waits its turn. What is committed has to survive a power cut.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
}
OPTIONS: dict[str, dict[str, object]] = {
    SQLITE: SQLITE_OPTIONS,
    POSTGRESQL: {},
    MYSQL: {"charset": "utf8mb4"},
}


def from_url(url: str) -> dict[str, Any]:
    """Return the DATABASES entry for `scheme://user:password@host:port/name?option=value`.

    The schemes are sqlite, postgres, postgresql and mysql. As usual, `sqlite:///db.sqlite3`
    is a relative path and `sqlite:////var/db.sqlite3` an absolute one.
    """
    parts = urlsplit(url)
    if parts.scheme not in ENGINES:
        known = ", ".join(ENGINES)
        message = f"DATABASE_URL starts with {parts.scheme!r}; it has to be one of {known}."
        raise ValueError(message)
    engine = ENGINES[parts.scheme]
    return {
        "ENGINE": engine,
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": {**OPTIONS[engine], **dict(parse_qsl(parts.query))},
    }


def to_url(entry: dict[str, Any]) -> str:
    """Return the URL of a DATABASES entry, with the options of its own, for another process."""
    scheme = next(name for name, engine in ENGINES.items() if engine == entry["ENGINE"])
    password = f":{quote(entry['PASSWORD'], safe='')}" if entry["PASSWORD"] else ""
    user = f"{quote(entry['USER'], safe='')}{password}@" if entry["USER"] else ""
    port = f":{entry['PORT']}" if entry["PORT"] else ""
    usual = OPTIONS[entry["ENGINE"]].items()
    own = urlencode([option for option in entry.get("OPTIONS", {}).items() if option not in usual])
    query = f"?{own}" if own else ""
    return f"{scheme}://{user}{entry['HOST']}{port}/{quote(str(entry['NAME']))}{query}"
