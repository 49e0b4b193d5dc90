"""What the values of the dict `BUFFER_CONNECT` must be, and the complaints that say the cure.

A complaint names the setting and never shows its value.
"""

from __future__ import annotations

import difflib
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from buffer_connect.addresses import insecure_transport, is_absolute_url, is_loopback

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

NAME = "BUFFER_CONNECT"
_ARTICLES = {
    str: "a str",
    list: "a list",
    dict: "a dict",
    bool: "True or False",
    timedelta: "a timedelta",
    type(None): "None",
}


def wrong(name: str, cure: str) -> ImproperlyConfigured:
    """Return the complaint about the setting `name`: set it `cure`."""
    return ImproperlyConfigured(f'Set {NAME}["{name}"] {cure}.')


def type_names(kinds: type | tuple[type, ...]) -> str:
    """Return `kinds` as a text names them: "a str or None"."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    return " or ".join(_ARTICLES[kind] for kind in kinds)


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """Return the question that offers the nearest of `names`; empty when none is near."""
    known = {known.lower(): known for known in names}
    near = difflib.get_close_matches(str(name).lower(), known, n=1)
    return f"Did you mean {known[near[0]]}?" if near else ""


def refuse_unknown(name: str, given: Iterable[object], known: Collection[str]) -> None:
    """Raise `ImproperlyConfigured` when the dict `name` has a key that is not `known`."""
    for key in given:
        if key not in known:
            question = did_you_mean(key, known) or f"It takes {', '.join(known)}."
            raise ImproperlyConfigured(f'{NAME}["{name}"] has no key {key!r}. {question}')


def url_or_none(name: str, value: object) -> str | None:
    """Return `value` when it is None or a `url`."""
    return None if value is None else url(name, value)


def url(name: str, value: object) -> str:
    """Return `value` when secrets may be sent there; else raise `ImproperlyConfigured`."""
    if not isinstance(value, str) or not is_absolute_url(value):
        raise wrong(name, "to an absolute URL without blanks, user or fragment")
    if value.startswith("http:") and not is_loopback(value):
        raise wrong(name, "to an https URL; plain http is for loopback hosts only")
    if value.startswith("http:") and not insecure_transport():
        raise wrong(name, "to an https URL, or OAUTHLIB_INSECURE_TRANSPORT in the environment")
    return value
