"""An API key in the environment, for scripts: it takes a link's place, and is stored nowhere."""

import os
from dataclasses import dataclass, field
from typing import Self

from django.core.exceptions import ImproperlyConfigured

from buffer_connect.exceptions import APIKeyRefused
from buffer_connect.oauth.token import is_token
from buffer_connect.sealing import Secret

VARIABLE = "BUFFER_API_KEY"


@dataclass(frozen=True, slots=True)
class EnvironmentKey:
    """What a client calls Buffer with that has no link. Nothing renews it."""

    key: Secret = field(repr=False)
    epoch: None = None
    generation: int = 1

    @classmethod
    def read(cls) -> Self:
        """Return the key in `BUFFER_API_KEY`. Raises `ImproperlyConfigured` when there is none."""
        if not is_token(os.environ.get(VARIABLE, "").strip()):
            raise ImproperlyConfigured(
                f"Set the environment variable {VARIABLE} to an API key, which you make at Buffer "
                "under Settings → API. It is a str of visible ASCII characters without blanks."
            )
        return cls(Secret(os.environ[VARIABLE].strip()))

    def renewed(self, *, by_http: bool) -> Self:
        """The API refused the key: raise `APIKeyRefused` for an HTTP 401, else return it."""
        if by_http:
            raise APIKeyRefused
        return self
