"""System checks of the settings; each Error is an ``ImproperlyConfigured`` at run time too.

Registered by the app config. A hint is a line to paste.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Advice
from django.core.exceptions import ImproperlyConfigured

from buffer_connect.conf import NAME, conf, insecure_transport
from buffer_connect.scopes import DOCUMENTED
from buffer_connect.sealing import generate_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

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
)


def check_dict(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """E001: ``BUFFER_CONNECT`` is no dict. E002: it has a key that is no setting."""
    if not conf.is_dict:
        return [_error(f"Set {NAME} to a dict.", f"{NAME} = {{}}", "E001")]
    return [
        _error(f"{NAME} has no key {name!r}.", question or "Remove it.", "E002")
        for name, question in conf.unknown_names.items()
    ]


def check_time_zone(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """E015: the times of links are aware."""
    if conf.use_tz:
        return []
    return [_error("The times of links are aware, and USE_TZ is off.", "USE_TZ = True", "E015")]


def check_settings(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """E003 to E014: a setting is missing or cannot be used."""
    found: dict[str, CheckMessage] = {}
    for name, number, line in SETTINGS if _is_whole() else ():
        problem = _problem(name)
        if problem:
            # A wrong issuer is the problem of each endpoint that follows from it, once.
            found.setdefault(problem, _error(problem, line, number))
    return list(found.values())


def check_encryption_keys(
    app_configs: Sequence[Any] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """E005: the keys that seal the tokens are missing or cannot be used."""
    problem = _problem("keyring") if _is_whole() else None
    if not problem:
        return []
    entry = generate_entry(f"{datetime.now(UTC):%Y-%m}")
    hint = (
        f'"ENCRYPTION_KEYS": ["{entry}"],  (made just now; keep it out of the repository, '
        "and keep every key that has sealed something in the list)"
    )
    return [_error(problem, hint, "E005")]


def check_scopes(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """W001: a scope stands in ``SCOPES`` that Buffer does not document."""
    if not _is_whole() or _problem("scopes"):
        return []
    unknown = [scope for scope in conf.scopes if scope not in DOCUMENTED]
    if not unknown:
        return []
    message = f"Buffer does not document these scopes: {', '.join(unknown)}."
    hint = f"Documented are {', '.join(sorted(DOCUMENTED))}."
    return [Advice(message, hint=hint, id="buffer_connect.W001")]


def check_transport(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """E016: the switch that allows plain http is on while ``DEBUG`` is off."""
    if conf.debug or not insecure_transport():
        return []
    message = "OAUTHLIB_INSECURE_TRANSPORT is set and DEBUG is off; any value counts, 0 too."
    return [_error(message, "unset OAUTHLIB_INSECURE_TRANSPORT", "E016")]


def check_redirect_uri(
    app_configs: Sequence[Any] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """W002 (with ``--deploy``): the redirect URI follows the request's Host header."""
    if not _is_whole() or _problem("redirect_uri") or conf.redirect_uri:
        return []
    return [
        Advice(
            "The redirect URI is built from each request, and Buffer takes registered ones only.",
            hint='"REDIRECT_URI": "https://www.example.com/buffer/callback/",',
            id="buffer_connect.W002",
        )
    ]


CHECKS = (
    check_dict,
    check_time_zone,
    check_settings,
    check_encryption_keys,
    check_scopes,
    check_transport,
)
DEPLOY_CHECKS = (check_redirect_uri,)


def _is_whole() -> bool:
    """Return whether single settings can be looked at."""
    return not check_dict() and not check_time_zone()


def _problem(name: str) -> str | None:
    try:
        getattr(conf, name)
    except ImproperlyConfigured as error:
        return str(error)
    return None


def _error(message: str, hint: str, number: str) -> Error:
    return Error(message, hint=hint, id=f"buffer_connect.{number}")
