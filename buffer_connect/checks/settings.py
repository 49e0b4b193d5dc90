"""Checks of `BUFFER_CONNECT`; each Error is an `ImproperlyConfigured` at run time too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from buffer_connect.checks.messages import advice, error
from buffer_connect.conf import conf
from buffer_connect.models.keys import new_entry
from buffer_connect.scopes import DOCUMENTED
from buffer_connect.values import NAME

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

# The property, the id of its Error, and a line that would do.
SETTINGS = (
    ("client_id", "E003", '"CLIENT_ID": os.environ["BUFFER_CLIENT_ID"],'),
    ("client_secret", "E004", '"CLIENT_SECRET": os.environ.get("BUFFER_CLIENT_SECRET"),'),
    ("redirect_uri", "E006", '"REDIRECT_URI": "https://www.example.com/buffer/callback/",'),
    ("scopes", "E007", '"SCOPES": ["account:read", "posts:read", "posts:write"],'),
    ("issuer", "E008", '"ISSUER": "https://auth.buffer.com",'),
    ("authorization_endpoint", "E009", '"ENDPOINTS": {},'),
    ("token_endpoint", "E009", '"ENDPOINTS": {},'),
    ("revocation_endpoint", "E009", '"ENDPOINTS": {},'),
    ("introspection_endpoint", "E009", '"ENDPOINTS": {},'),
    ("api_url", "E010", '"API_URL": "https://api.buffer.com",'),
    ("require_iss", "E011", '"REQUIRE_ISS": True,'),
    ("default_next_url", "E012", '"DEFAULT_NEXT_URL": None,'),
    ("timing", "E013", '"TIMING": {},'),
    ("retention", "E014", '"RETENTION": timedelta(days=90),'),
    ("refresh_policy", "E020", '"REFRESH_POLICY": "eager",'),
    ("active_within", "E021", '"ACTIVE_WITHIN": timedelta(days=30),'),
    ("allow_api_keys", "E023", '"ALLOW_API_KEYS": False,'),
    ("instance", "E022", '"INSTANCE": "production",'),
)


def check_dict(**kwargs: Any) -> list[CheckMessage]:
    """E001: `BUFFER_CONNECT` is no dict. E002: it has a key that is no setting."""
    if not conf.is_dict:
        return [error("E001", f"Set {NAME} to a dict.", f"{NAME} = {{}}")]
    return [
        error("E002", f"{NAME} has no key {name!r}.", question or "Remove it.")
        for name, question in conf.unknown_names.items()
    ]


def check_time_zone(**kwargs: Any) -> list[CheckMessage]:
    """E015: the times of links are aware."""
    if conf.use_tz:
        return []
    return [error("E015", "The times of links are aware, and USE_TZ is off.", "USE_TZ = True")]


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """E003, E004, E006 to E014, E020 to E023: a setting is missing or cannot be used."""
    found: dict[str, CheckMessage] = {}
    for name, number, line in SETTINGS if _is_whole() else ():
        if problem := problem_with(name):
            # A wrong issuer is the problem of each endpoint that follows from it, once.
            found.setdefault(problem, error(number, problem, line))
    return list(found.values())


def check_encryption_keys(**kwargs: Any) -> list[CheckMessage]:
    """E005: the keys that seal the tokens are missing or cannot be used."""
    problem = problem_with("keyring") if _is_whole() else None
    if not problem:
        return []
    hint = (
        f'"ENCRYPTION_KEYS": ["{new_entry(datetime.now(UTC))}"],  (made just now; keep it out of the '
        "repository. Every key that has sealed something stays in the list, with its own value)"
    )
    return [error("E005", problem, hint)]


def check_scopes(**kwargs: Any) -> list[CheckMessage]:
    """W001: a scope stands in `SCOPES` that Buffer does not document."""
    if problem_with("scopes"):
        return []
    unknown = [scope for scope in conf.scopes if scope not in DOCUMENTED]
    if not unknown:
        return []
    message = f"Buffer does not document these scopes: {', '.join(unknown)}."
    return [advice("W001", message, f"Documented are {', '.join(sorted(DOCUMENTED))}.")]


def check_redirect_uri(**kwargs: Any) -> list[CheckMessage]:
    """W002 (with `--deploy`): the redirect URI follows the request's Host header."""
    if problem_with("redirect_uri") or conf.redirect_uri:
        return []
    message = "The redirect URI is built from each request, and Buffer takes registered ones only."
    return [advice("W002", message, '"REDIRECT_URI": "https://www.example.com/buffer/callback/",')]


def check_require_iss(**kwargs: Any) -> list[CheckMessage]:
    """W011 (with `--deploy`): an answer is accepted that does not say whose it is."""
    if problem_with("require_iss") or conf.require_iss:
        return []
    message = "REQUIRE_ISS is off, and Buffer names itself in every authorization response."
    return [advice("W011", message, '"REQUIRE_ISS": True,')]


def check_instance(**kwargs: Any) -> list[CheckMessage]:
    """W012 (with `--deploy`): a copy of the database could use the tokens of this site."""
    if problem_with("instance") or conf.instance:
        return []
    message = "INSTANCE is None, so a copy of the database would refresh the same links."
    return [advice("W012", message, '"INSTANCE": "production",  (another name for each copy)')]


def problem_with(name: str) -> str | None:
    """Return why the property `name` of the settings cannot be read; None when it can."""
    try:
        getattr(conf, name)
    except ImproperlyConfigured as problem:
        return str(problem)
    return None


def _is_whole() -> bool:
    return not check_dict() and not check_time_zone()
