"""Requests and answers, apart from sockets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
HTML = "text/html; charset=utf-8"


class OAuthError(Exception):
    """An error answer of the authorization server (RFC 6749 section 5.2)."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status, self.error, self.description = status, error, description


@dataclass(kw_only=True)
class Request:
    """One request as it came, and what became of it; header names match in any case.

    Times are seconds on the sandbox's clock.
    """

    method: str
    path: str
    query: str = ""
    headers: Message = field(default_factory=Message)
    body: bytes = b""
    at: float = 0.0
    endpoint: str = ""
    # The kind of the fault that it met, and its options.
    fault: str = ""
    fault_options: Mapping[str, Any] = field(default_factory=dict)
    # Of the token or code that it carried; "" where none is known.
    grant_id: str = ""
    # None: there was no answer.
    status: int | None = None
    # The refresh token that it was given, and whether all of it stood in what was written.
    successor: str = field(default="", repr=False)
    delivered: bool = False
    # When its answer was written, or the connection closed.
    ended_at: float | None = None

    @cached_property
    def params(self) -> dict[str, list[str]]:
        """The query's parameters, each with all its values."""
        return parse_qs(self.query, keep_blank_values=True)

    @cached_property
    def form(self) -> dict[str, list[str]]:
        """The form's parameters, each with all its values; empty when the body is no form."""
        if self.content_type != FORM:
            return {}
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @cached_property
    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def content_type(self) -> str:
        """The media type without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def bearer_token(self) -> str:
        """The access token of the Authorization header, or an empty string."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    @property
    def prefers_html(self) -> bool:
        """Tell whether Accept puts HTML before JSON."""
        accept = self.headers.get("Accept", "")
        return "html" in accept and _quality(accept, "text/html") > _quality(accept, JSON)

    def cookie(self, name: str) -> str:
        """Return a cookie's value, or an empty string."""
        cookies = SimpleCookie(self.headers.get("Cookie", ""))
        return cookies[name].value if name in cookies else ""


@dataclass(kw_only=True)
class Response:
    """One answer. With `cut` only so many bytes of the body are sent before the connection is closed.

    With `reset` none is sent: the connection is reset instead.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False

    @property
    def written(self) -> bytes:
        """The body as far as it is sent."""
        return b"" if self.reset else self.body[: self.cut]


def single_values(params: Mapping[str, list[str]]) -> dict[str, str]:
    """Return each parameter's one value; empty ones are absent, repeated ones refused (RFC 6749 section 3.1)."""
    repeated = next(
        (name for name, values in params.items() if len(values) > 1 and name != "resource"), None
    )
    if repeated is not None:
        raise OAuthError(
            400, "invalid_request", f"'{repeated}' parameter must not be provided twice"
        )
    return {name: values[0] for name, values in params.items() if values[0]}


def json_response(
    data: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with JSON that must not be stored."""
    body = json.dumps(data, separators=(",", ":")).encode()
    return Response(
        status=status, body=body, headers={"Cache-Control": "no-store", **(headers or {})}
    )


def html_response(
    page: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a page that runs no script and must not be stored."""
    policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    guards = {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": policy,
    }
    return Response(
        status=status, body=page.encode(), content_type=HTML, headers={**guards, **(headers or {})}
    )


def redirect(address: str) -> Response:
    """Send the browser elsewhere with a GET."""
    return Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})


def with_query(address: str, params: Mapping[str, str | list[str]]) -> str:
    """Add parameters to an address that may have a query of its own."""
    parts = urlsplit(address)
    query = "&".join(filter(None, [parts.query, urlencode(params, doseq=True)]))
    return urlunsplit(parts._replace(query=query))


def changed_query(address: str, changes: Mapping[str, str | list[str] | None]) -> str:
    """Replace parameters of an address; None removes one, a list repeats it."""
    parts = urlsplit(address)
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name not in changes
    ]
    base = urlunsplit(parts._replace(query=urlencode(kept)))
    return with_query(base, {name: value for name, value in changes.items() if value is not None})


def _quality(accept: str, media_type: str) -> float:
    ranges = dict(_range(entry) for entry in accept.split(","))
    candidates = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((ranges[name] for name in candidates if name in ranges), 0.0)


def _range(entry: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in entry.split(";"))
    weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    return name.lower(), float(weight) if weight.replace(".", "", 1).isdigit() else 1.0
