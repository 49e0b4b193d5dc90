"""The settings of this app: one dict `BUFFER_CONNECT`, one typed property for each key.

Read at each access, so that `override_settings` works. What cannot be used raises
`ImproperlyConfigured` with a text that says the fix and holds no secret; the system checks
report the same. No secret is bound to a local name here: error reports show the locals of every
frame.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from buffer_connect.scopes import ALWAYS_ASKED, is_scope
from buffer_connect.sealing import InvalidKeys, Keyring, Secret
from buffer_connect.timing import InvalidTiming, Timing
from buffer_connect.values import (
    NAME,
    did_you_mean,
    refuse_unknown,
    type_names,
    url,
    url_or_none,
    wrong,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = (
    *("CLIENT_ID", "CLIENT_SECRET", "ENCRYPTION_KEYS", "REDIRECT_URI", "SCOPES", "ISSUER"),
    *("ENDPOINTS", "API_URL", "REQUIRE_ISS", "DEFAULT_NEXT_URL", "INSTANCE", "TIMING"),
    *("RETENTION", "REFRESH_POLICY", "ACTIVE_WITHIN", "ALLOW_API_KEYS"),
)
_KNOWN = frozenset(NAMES)
# The paths of Buffer's discovery document, relative to the issuer.
PATHS = {
    "authorization": "/auth",
    "token": "/token",
    "revocation": "/token/revocation",
    "introspection": "/token/introspection",
}
POLICIES = ("eager", "active", "on_demand")
# What is read between an authorization response, or a refresh, and the commit that keeps its tokens.
_FOR_TOKENS = (
    *("client_id", "client_secret", "token_endpoint", "introspection_endpoint", "api_url"),
    *("require_iss", "keyring", "instance", "timing", "refresh_policy", "active_within"),
)
DEFAULT_SCOPES = ("account:read", "posts:read", "posts:write", "offline_access")
_INSTANCE = re.compile(r"[!-~]{1,100}")


class Settings:
    """Typed access to `BUFFER_CONNECT`; each property says what it takes and its default."""

    @property
    def client_id(self) -> str:
        """`CLIENT_ID`: str, required."""
        if not self._get("CLIENT_ID", str, ""):
            raise wrong("CLIENT_ID", "to the client id that Buffer gave your app")
        return str(self._raw()["CLIENT_ID"])

    @property
    def client_secret(self) -> Secret | None:
        """`CLIENT_SECRET`: str or None; None is a public client, that sends no secret."""
        if self._get("CLIENT_SECRET", (str, type(None)), None) == "":
            raise wrong("CLIENT_SECRET", "to your app's secret, or to None for a public client")
        secret = self._raw().get("CLIENT_SECRET")
        return None if secret is None else Secret(secret)

    @property
    def keyring(self) -> Keyring:
        """`ENCRYPTION_KEYS`: list of `kid:base64`, required; the first seals."""
        try:
            return Keyring.parse(self._get("ENCRYPTION_KEYS", list, []))
        except InvalidKeys as error:
            message = f'{NAME}["ENCRYPTION_KEYS"] cannot be used. {error}'
        # Outside of the handler, so that no frame that holds a key is reported.
        raise ImproperlyConfigured(message)

    @property
    def redirect_uri(self) -> str | None:
        """`REDIRECT_URI`: URL or None; None builds it from the request."""
        return url_or_none("REDIRECT_URI", self._get("REDIRECT_URI", (str, type(None)), None))

    @property
    def scopes(self) -> tuple[str, ...]:
        """`SCOPES`: list of str; the scopes that are always asked come with them."""
        scopes = self._get("SCOPES", list, list(DEFAULT_SCOPES))
        if not all(is_scope(scope) for scope in scopes):
            raise wrong("SCOPES", 'to a list of scopes without blanks, such as ["posts:read"]')
        return tuple(dict.fromkeys([*scopes, *ALWAYS_ASKED]))

    @property
    def issuer(self) -> str:
        """`ISSUER`: URL, `https://auth.buffer.com`; compared character by character."""
        issuer = url("ISSUER", self._get("ISSUER", str, "https://auth.buffer.com"))
        if "?" in issuer:
            raise wrong("ISSUER", "to a URL without a query (RFC 8414 section 2)")
        return issuer

    @property
    def authorization_endpoint(self) -> str:
        """`ENDPOINTS["authorization"]`: URL, the issuer's `/auth`."""
        return self._required_endpoint("authorization")

    @property
    def token_endpoint(self) -> str:
        """`ENDPOINTS["token"]`: URL, the issuer's `/token`."""
        return self._required_endpoint("token")

    @property
    def revocation_endpoint(self) -> str | None:
        """`ENDPOINTS["revocation"]`: URL or None (off), the issuer's `/token/revocation`."""
        return self._endpoint("revocation")

    @property
    def introspection_endpoint(self) -> str | None:
        """`ENDPOINTS["introspection"]`: URL or None (off), the issuer's `/token/introspection`."""
        return self._endpoint("introspection")

    @property
    def api_url(self) -> str:
        """`API_URL`: URL, `https://api.buffer.com`."""
        return url("API_URL", self._get("API_URL", str, "https://api.buffer.com"))

    @property
    def require_iss(self) -> bool:
        """`REQUIRE_ISS`: bool, True: an authorization response without `iss` is refused."""
        return bool(self._get("REQUIRE_ISS", bool, True))

    @property
    def default_next_url(self) -> str | None:
        """`DEFAULT_NEXT_URL`: str or None (the links page), where a finished connect leads."""
        value = self._get("DEFAULT_NEXT_URL", (str, type(None)), None)
        return None if value is None else str(value)

    @property
    def instance(self) -> str | None:
        """`INSTANCE`: str or None (the clone guard is off), the name of this copy of the site.

        Always in small letters: whether "A" is "a" differs between databases.
        """
        value = self._get("INSTANCE", (str, type(None)), None)
        if value is not None and not _INSTANCE.fullmatch(value):
            raise wrong("INSTANCE", "to 1 to 100 visible ASCII characters without blanks, or None")
        return None if value is None else str(value).lower()

    @property
    def timing(self) -> Timing:
        """`TIMING`: dict of timedelta, and of int for counts; see `Timing`."""
        given = self._get("TIMING", dict, {})
        refuse_unknown("TIMING", given, Timing.names())
        try:
            return Timing.of(given)
        except InvalidTiming as error:
            raise ImproperlyConfigured(f'{NAME}["TIMING"] cannot be used. {error}') from error

    @property
    def retention(self) -> timedelta:
        """`RETENTION`: timedelta, 90 days; disconnected links and old events are pruned after it."""
        retention: timedelta = self._get("RETENTION", timedelta, timedelta(days=90))
        if retention <= timedelta(0):
            raise wrong("RETENTION", "to a positive timedelta")
        return retention

    @property
    def refresh_policy(self) -> str:
        """`REFRESH_POLICY`: str, `eager`; which links are refreshed before they are needed."""
        policy = self._get("REFRESH_POLICY", str, "eager")
        if policy not in POLICIES:
            raise wrong("REFRESH_POLICY", f"to one of {', '.join(POLICIES)}")
        return str(policy)

    @property
    def active_within(self) -> timedelta:
        """`ACTIVE_WITHIN`: timedelta, 30 days; with `active`, so lately is a link in use."""
        within: timedelta = self._get("ACTIVE_WITHIN", timedelta, timedelta(days=30))
        if within <= timedelta(0):
            raise wrong("ACTIVE_WITHIN", "to a positive timedelta")
        return within

    @property
    def allow_api_keys(self) -> bool:
        """`ALLOW_API_KEYS`: bool, False; True lets people paste an API key instead of connecting."""
        return bool(self._get("ALLOW_API_KEYS", bool, False))

    def require_all(self) -> None:
        """Raise `ImproperlyConfigured` where any setting cannot be used."""
        self._require(name for name, it in vars(Settings).items() if isinstance(it, property))

    def require_for_tokens(self) -> None:
        """The same for what it takes to ask Buffer for tokens and keep them: later is too late."""
        self._require(_FOR_TOKENS)

    @property
    def is_dict(self) -> bool:
        """Whether `BUFFER_CONNECT` is a dict, or not set at all."""
        return isinstance(getattr(settings, NAME, {}), dict)

    @property
    def unknown_names(self) -> dict[str, str]:
        """The keys of the dict that are no settings, each with its did-you-mean."""
        given = getattr(settings, NAME, {})
        return {str(name): did_you_mean(name, NAMES) for name in given if name not in NAMES}

    @property
    def use_tz(self) -> bool:
        """Django's `USE_TZ`; this package needs it."""
        return bool(settings.USE_TZ)

    @property
    def debug(self) -> bool:
        """Django's `DEBUG`."""
        return bool(settings.DEBUG)

    def _require(self, names: Iterable[str]) -> None:
        for name in names:
            getattr(self, name)

    def _raw(self) -> dict[str, Any]:
        if not (self.is_dict and getattr(settings, NAME, {}).keys() <= _KNOWN and self.use_tz):
            self._complain()
        return getattr(settings, NAME, {})

    def _complain(self) -> NoReturn:
        if not self.is_dict:
            raise ImproperlyConfigured(f"Set {NAME} to a dict.")
        for name, question in self.unknown_names.items():
            raise ImproperlyConfigured(f"{NAME} has no key {name!r}. {question}".strip())
        raise ImproperlyConfigured("Set USE_TZ = True: the times of links are aware.")

    def _get(self, name: str, kind: type | tuple[type, ...], default: Any) -> Any:
        if not isinstance(self._raw().get(name, default), kind):
            raise wrong(name, f"to {type_names(kind)}")
        return getattr(settings, NAME, {}).get(name, default)

    def _required_endpoint(self, name: str) -> str:
        url = self._endpoint(name)
        if url is None:
            raise wrong("ENDPOINTS", f'to a dict whose "{name}" is a URL; it cannot be turned off')
        return url

    def _endpoint(self, name: str) -> str | None:
        endpoints = self._get("ENDPOINTS", dict, {})
        refuse_unknown("ENDPOINTS", endpoints, PATHS)
        if name not in endpoints:
            return self.issuer.rstrip("/") + PATHS[name]
        return url_or_none(f'ENDPOINTS"]["{name}', endpoints[name])


conf = Settings()
