"""Checks of what the pages need of the site: an address, a session, a way out of its CSP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from django.apps import apps
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils.module_loading import import_string
from django.utils.translation import get_language_from_path, override

from buffer_connect import site
from buffer_connect.checks.messages import advice, error
from buffer_connect.checks.settings import problem_with
from buffer_connect.conf import conf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.checks import CheckMessage

APPS = ("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions")
MIDDLEWARE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)
PORTS = {"http": 80, "https": 443}


def check_urls(**kwargs: Any) -> list[CheckMessage]:
    """W007: the pages have no address."""
    if _has_pages() or not site.setting("ROOT_URLCONF"):
        return []
    message = "The pages of buffer_connect are not among the site's URLs."
    return [advice("W007", message, 'path("buffer/", include("buffer_connect.urls")),')]


def check_callback(**kwargs: Any) -> list[CheckMessage]:
    """W008: `REDIRECT_URI` leads elsewhere than to the callback page."""
    if not _has_pages() or problem_with("redirect_uri") or not conf.redirect_uri:
        return []
    if _is_callback(urlsplit(conf.redirect_uri).path):
        return []
    message = f"REDIRECT_URI, {conf.redirect_uri}, does not lead to the callback page."
    address = urlsplit(conf.redirect_uri)._replace(path=reverse("buffer_connect:callback"))
    return [advice("W008", message, f'"REDIRECT_URI": "{address.geturl()}",')]


def check_requirements(**kwargs: Any) -> list[CheckMessage]:
    """E018: the pages cannot know who is signed in."""
    if not _has_pages():
        return []
    missing = [("INSTALLED_APPS", name) for name in APPS if not apps.is_installed(name)]
    missing += [("MIDDLEWARE", name) for name in MIDDLEWARE if not _is_in_middleware(name)]
    return [
        error("E018", f"The pages need {name} in {setting}.", f'{setting} = [..., "{name}"]')
        for setting, name in missing
    ]


def check_session_cookie(**kwargs: Any) -> list[CheckMessage]:
    """W005: the browser comes back from Buffer without its session."""
    if site.setting("SESSION_COOKIE_SAMESITE") != "Strict":
        return []
    message = (
        "SESSION_COOKIE_SAMESITE is Strict, so browsers come back from Buffer without their "
        "session and nobody can connect."
    )
    return [advice("W005", message, 'SESSION_COOKIE_SAMESITE = "Lax"')]


def check_form_action(**kwargs: Any) -> list[CheckMessage]:
    """W006: the Content Security Policy stops the connect button's form on its way to Buffer."""
    sources = _form_action()
    if sources is None or problem_with("authorization_endpoint"):
        return []
    address = urlsplit(conf.authorization_endpoint)
    if any(_allows(source, address) for source in sources):
        return []
    origin = f"{address.scheme}://{address.netloc}"
    message = (
        f"The Content Security Policy's form-action leaves out {origin}. Browsers apply it to the "
        "redirect after a form, so the connect button does nothing."
    )
    return [
        advice("W006", message, f'SECURE_CSP = {{..., "form-action": ["\'self\'", "{origin}"]}}')
    ]


def _has_pages() -> bool:
    if not site.setting("ROOT_URLCONF"):
        return False
    try:
        reverse("buffer_connect:callback")
    except NoReverseMatch:
        return False
    return True


def _is_callback(path: str) -> bool:
    # The address may carry a language, and is then found in that language only.
    with override(get_language_from_path(path) or site.setting("LANGUAGE_CODE")):
        try:
            match = resolve(path)
        except Resolver404:
            return False
    return match.url_name == "callback" and "buffer_connect" in match.app_names


def _is_in_middleware(wanted: str) -> bool:
    return any(_is_kind_of(name, wanted) for name in site.setting("MIDDLEWARE", ()))


def _is_kind_of(name: str, wanted: str) -> bool:
    if name == wanted:
        return True
    try:
        found = import_string(name)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, import_string(wanted))


def _form_action() -> list[str] | None:
    """Return the sources of `form-action` by Django 6 or django-csp; None where none is set."""
    policies = (
        site.setting("SECURE_CSP"),
        (site.setting("CONTENT_SECURITY_POLICY") or {}).get("DIRECTIVES"),
        {"form-action": site.setting("CSP_FORM_ACTION")},
    )
    for policy in policies:
        sources = (policy or {}).get("form-action")
        if sources not in (None, False):
            return list(_flat(sources))
    return None


def _flat(sources: Any) -> Iterator[str]:
    for source in sources if isinstance(sources, (list, tuple, set, frozenset)) else [sources]:
        yield from str(source).split()


def _allows(source: str, address: SplitResult) -> bool:
    """Return whether the CSP source lets a form go to `address`; paths do not count in redirects."""
    if source in ("*", f"{address.scheme}:"):
        return True
    scheme, _, rest = source.rpartition("://")
    host, _, port = rest.partition("/")[0].partition(":")
    default = PORTS[address.scheme]
    asked = str(address.port or default)
    return (
        scheme in ("", address.scheme)
        and _covers(host, address.hostname or "")
        and (port or str(default)) in ("*", asked)
    )


def _covers(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return pattern == host
