"""Everything this package raises for a caller to handle.

BufferConnectError
├── AuthorizationFailed      Buffer refused the authorization
├── NotLinked                the user never linked a Buffer account
├── AmbiguousLink            several links fit, the caller has to choose
├── MissingScope             linked, but a needed scope was not granted
├── LinkRevoked              the link has ended, only the user can renew it
├── TokenUnavailable         no usable access token at the moment
├── BufferUnavailable        Buffer did not answer, or not in a usable way
├── RateLimited              Buffer asks to wait
├── APIKeyRefused            the API key in the environment is no good
├── BufferAPIError           Buffer's API answered with errors
├── MutationFailed           Buffer did not carry a mutation out, and says why
└── DecryptionFailed         a stored secret cannot be opened
    ├── KeyUnavailable       its key is not in the settings
    ├── Tampered             its bytes do not belong here, or were changed
    └── UnknownVersion       it was sealed in a format this release does not know

Data is on attributes. No text holds a token or a response body. Misconfiguration
is Django's `ImproperlyConfigured` and not in this tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

SHOWN = 200


def printable(text: str, limit: int = SHOWN) -> str:
    """Return `text` cut to `limit` characters, with control characters and line breaks escaped."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in text[:limit]
    )


def _key(value: Any, name: str) -> str:
    """Return what stands for a row where only text can go; a text stands for itself."""
    return str(getattr(value, name, value))


def _restore(kind: type[BufferConnectError], args: tuple[Any, ...]) -> BufferConnectError:
    return kind.__new__(kind, *args)


class BufferConnectError(Exception):
    """Catch this to handle all that this package raises."""

    def __init__(self, text: str = "", *values: Any) -> None:
        # A result of Celery in JSON is the class and `args`, and is made anew by calling the one
        # with the others. So `args` are what __init__ takes, in JSON, and with keys for rows.
        super().__init__(*(values or (text,)))
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __reduce__(self) -> tuple[Any, ...]:
        # Worker pools pickle exceptions, and the default would call __init__ with the text.
        return _restore, (type(self), self.args), self.__dict__


class AuthorizationFailed(BufferConnectError):
    """Show the user why no link was made; `access_denied` was the user's own choice."""

    def __init__(self, error: str, description: str = "") -> None:
        text = f"Buffer refused the authorization: {printable(error)}"
        super().__init__(text, error, description)
        self.error = error
        self.description = description


class NotLinked(BufferConnectError):
    """Send the user to the connect page."""

    def __init__(self, user: Any) -> None:
        super().__init__("The user has not linked a Buffer account.", _key(user, "pk"))
        self.user = user


class AmbiguousLink(BufferConnectError):
    """Let the user choose one of `links` and pass its `account_id`."""

    def __init__(self, links: Iterable[Any]) -> None:
        self.links = list(links)
        text = f"{len(self.links)} linked accounts fit; pass account_id."
        super().__init__(text, [_key(link, "uid") for link in self.links])


class MissingScope(BufferConnectError):
    """Send the user to the connect page with `scopes` to ask for what is missing."""

    def __init__(self, link: Any, scopes: Iterable[str]) -> None:
        self.link = link
        self.scopes = tuple(scopes)
        text = f"The link was not granted {printable(' '.join(self.scopes))}."
        super().__init__(text, _key(link, "uid"), [*self.scopes])


class LinkRevoked(BufferConnectError):
    """Send the user to the connect page to link again; `reason` says how the link ended."""

    def __init__(self, link: Any, reason: str) -> None:
        super().__init__(
            f"The link has ended: {printable(reason)}.", _key(link, "uid"), str(reason)
        )
        self.link = link
        self.reason = reason


class TokenUnavailable(BufferConnectError):
    """Try again soon, not before `retry_at` where that is known; the link lives on."""

    def __init__(self, message: str = "", retry_at: datetime | None = None) -> None:
        text = message or "No usable access token at the moment; try again soon."
        super().__init__(text, text, retry_at)
        self.retry_at = retry_at


class BufferUnavailable(BufferConnectError):
    """Try again after `retry_after` seconds, but never repeat a mutation blindly."""

    def __init__(self, message: str = "", retry_after: float | None = None) -> None:
        text = message or "Buffer gave no usable answer."
        super().__init__(text, text, retry_after)
        self.retry_after = retry_after


class RateLimited(BufferConnectError):
    """Wait `retry_after` seconds; `window` is the limit that was reached (15m, 24h or 30d).

    Either is None where Buffer does not say.
    """

    def __init__(self, retry_after: float | None, window: str | None) -> None:
        super().__init__(
            f"Buffer's rate limit is reached: window={printable(window or 'unknown')} "
            f"retry_after={retry_after}",
            retry_after,
            window,
        )
        self.retry_after = retry_after
        self.window = window


class APIKeyRefused(BufferConnectError):
    """Put another key into the environment variable `BUFFER_API_KEY`."""

    def __init__(self, message: str = "") -> None:
        super().__init__(
            message
            or "Buffer does not accept the API key in BUFFER_API_KEY; make another one there, "
            "under Settings → API."
        )


class BufferAPIError(BufferConnectError):
    """Read `errors` and the partial `data`; the query, or a permission, has to change."""

    def __init__(self, errors: Sequence[Any], data: dict[str, Any] | None) -> None:
        self.errors = list(errors)
        self.data = data
        text = f"Buffer's API answered with errors: {', '.join(self.codes)}"
        # Of Buffer's answer no more than the text says.
        super().__init__(text, [{"extensions": {"code": code}} for code in self.codes], None)

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the `extensions.code` of each error, `no code` where it has none."""
        return tuple(_code(error) for error in self.errors)


class MutationFailed(BufferConnectError):
    """Show the user `message`, or act on `type`; `data` holds what the other mutations did.

    `type` is the `__typename` of Buffer's error, `MutationError` where the query did not select it.
    """

    def __init__(self, type: str, message: str, data: dict[str, Any]) -> None:  # noqa: A002
        text = f"Buffer refused the mutation: {printable(type)}: {printable(message)}"
        super().__init__(text, type, message, {})
        self.type = type
        self.message = message
        self.data = data


class DecryptionFailed(BufferConnectError):
    """Tell the site's operator; the link is untouched and heals when the key is back."""


class KeyUnavailable(DecryptionFailed):
    """Put the key named `kid` back into `BUFFER_CONNECT["ENCRYPTION_KEYS"]`."""

    def __init__(self, kid: str) -> None:
        super().__init__(
            f"ENCRYPTION_KEYS holds no key with the id {printable(kid)}; put it back, as the last "
            "entry. `manage.py buffer_status` tells which keys are needed.",
            kid,
        )
        self.kid = kid


class Tampered(DecryptionFailed):
    """Look for the right key first; else find out who changed this value, or copied it here."""

    def __init__(self, text: str = "") -> None:
        super().__init__(
            text
            or "A sealed value does not open: ENCRYPTION_KEYS has another key under its id, or it was "
            "changed, or copied from another row. `manage.py buffer_rotate_keys --dry-run` names the "
            "rows."
        )


class UnknownVersion(DecryptionFailed):
    """Run the release that sealed this value, or a later one."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"A sealed value has the unknown format version {version}; run the release of "
            "django-buffer-connect that sealed it, or a later one.",
            version,
        )
        self.version = version


def _code(error: Any) -> str:
    extensions = error.get("extensions") if isinstance(error, dict) else None
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return printable(code, 50) if isinstance(code, str) and code else "no code"
