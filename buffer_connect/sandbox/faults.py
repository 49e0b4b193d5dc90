"""Faults on request: what a network and a provider in trouble do to the next requests.

| kind | what happens | options |
|---|---|---|
| `lose_answer` | the request is carried out, then the connection closes without a byte | |
| `cut` | carried out, then only the first `size` bytes of the body arrive | `size` 40 |
| `error_before` | answered with `status`, nothing carried out | `status` 503, `error` "" |
| `error_after` | carried out, then answered with `status` | `status` 503, `error` "" |
| `gateway` | answered with `status` at once, carried out `late` seconds afterwards | `status` 504, `late` 1.0 |
| `rate_limit` | answered with 429, nothing carried out | `retry_after` "1" (as sent; "" sends none), `window` "15m" |
| `slow` | carried out, answered after `seconds` | `seconds` 5.0 |
| `html` | answered with a page, nothing carried out | `status` 200 |
| `redirect` | answered with a redirect, nothing carried out | `status` 307, `to` "/" |
| `outage` | the connection closes, nothing carried out | |
| `reset` | the connection is reset, nothing carried out (`consume`: carried out first) | `consume` False |
| `invalid_client` | refused with 401 `invalid_client`, nothing carried out | |
| `oauth_error` | refused with `error`, nothing carried out (`consume`: carried out first) | `error`, `description`, `status` 400, `consume` |
| `graphql_error` | 200 with a top-level error of this `code`, nothing carried out (API) | `code` UNAUTHORIZED, `status` 200 |
| `mutation_error` | 200 with a typed error in place of the payload of the mutation `field` ("": of each), which is not carried out (API) | `type` LimitReachedError, `message`, `field` "" |
| `alter` | carried out, then fields of the answer are replaced by `changes`; None removes one | `changes` |

Every kind takes `seconds` as well: the wait before the answer (or the closing). On the authorization endpoint faults
meet the person's decision, not the page; there `oauth_error` and `alter` change the parameters of the redirect.
"""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from buffer_connect.sandbox import api, pages
from buffer_connect.sandbox.messages import Response, changed_query, html_response, json_response

ENDPOINTS = ("authorization", "token", "revocation", "introspection", "api")
KINDS: dict[str, dict[str, Any]] = {
    "lose_answer": {},
    "cut": {"size": 40},
    "error_before": {"status": 503, "error": ""},
    "error_after": {"status": 503, "error": ""},
    "gateway": {"status": 504, "late": 1.0},
    "rate_limit": {"retry_after": "1", "window": "15m"},
    "slow": {"seconds": 5.0},
    "html": {"status": 200},
    "redirect": {"status": 307, "to": "/"},
    "outage": {},
    "reset": {"consume": False},
    "invalid_client": {},
    "oauth_error": {"error": "invalid_request", "description": "", "status": 400, "consume": False},
    "graphql_error": {"code": "UNAUTHORIZED", "status": 200},
    "mutation_error": {"type": "LimitReachedError", "message": "sandbox fault", "field": ""},
    "alter": {"changes": {}},
}

# Carries the request out; None would be an answer that never left.
Serve = Callable[[], Response]


@dataclass(kw_only=True)
class Fault:
    """A fault in wait. `times` None means until cleared, `after` so many matching requests pass first."""

    kind: str
    on: str = "token"
    times: int | None = 1
    after: int = 0
    grant: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Unknown fault {self.kind!r}. Known are: {', '.join(KINDS)}.")
        if self.on not in (*ENDPOINTS, "all"):
            raise ValueError(
                f"Unknown endpoint {self.on!r}. Known are: {', '.join(ENDPOINTS)}, all."
            )
        unknown = set(self.options) - {*KINDS[self.kind], "seconds"}
        if unknown:
            raise ValueError(f"The fault {self.kind!r} has no option {', '.join(sorted(unknown))}.")
        self.options = {"seconds": 0.0, **KINDS[self.kind], **self.options}

    def meets(self, endpoint: str, grant_id: str | None) -> bool:
        """Tell whether a request of this endpoint and grant is one of those it waits for."""
        return self.on in (endpoint, "all") and self.grant in (None, grant_id)


class FaultBox:
    """The faults that wait for requests, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let a fault wait for its requests."""
        with self._lock:
            self._faults.append(fault)

    def remove(self, fault: Fault) -> None:
        """Forget one fault, if it still waits."""
        with self._lock, suppress(ValueError):
            self._faults.remove(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def waiting(self) -> list[Fault]:
        """Return the faults that have requests left."""
        with self._lock:
            return list(self._faults)

    def take(self, endpoint: str, grant_id: str | None) -> Fault | None:
        """Return the fault that meets this request, if any, and count it."""
        with self._lock:
            fault = next((fault for fault in self._faults if fault.meets(endpoint, grant_id)), None)
            if fault is None:
                return None
            if fault.after > 0:
                fault.after -= 1
                return None
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
            return fault


def play(
    fault: Fault, endpoint: str, serve: Serve, pause: Callable[[float], None]
) -> Response | None:
    """Let a request meet its fault; None closes the connection without an answer."""
    response = _PLAYS[fault.kind](fault.options, endpoint, serve)
    pause(fault.options["seconds"])
    if fault.kind == "gateway":
        _carry_out_later(serve, fault.options["late"], pause)
    return response


def _carry_out_later(serve: Serve, late: float, pause: Callable[[float], None]) -> None:
    def wait_and_serve() -> None:
        with suppress(ConnectionAbortedError):
            pause(late)
            serve()

    threading.Thread(target=wait_and_serve, daemon=True).start()


def _lose_answer(options: dict[str, Any], endpoint: str, serve: Serve) -> None:
    serve()


def _cut(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    response = serve()
    response.cut = options["size"]
    return response


def _error(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    if options.get("error"):
        return json_response(
            {"error": options["error"], "error_description": "sandbox fault"}, options["status"]
        )
    return Response(status=options["status"], body=b"upstream trouble\n", content_type="text/plain")


def _error_after(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    serve()
    return _error(options, endpoint, serve)


def _rate_limit(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    retry_after = str(options["retry_after"])
    if endpoint == "api":
        return api.rate_limited(options["window"], retry_after)
    wait = {"Retry-After": retry_after} if retry_after else {}
    return json_response(
        {"error": "temporarily_unavailable", "error_description": "too many requests"}, 429, wait
    )


def _serve(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    return serve()


def _html(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    return html_response(
        pages.error_page("Sandbox fault", "A page where JSON was expected."), options["status"]
    )


def _redirect(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    return Response(status=options["status"], headers={"Location": options["to"]})


def _outage(options: dict[str, Any], endpoint: str, serve: Serve) -> None:
    return None


def _reset(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    if options["consume"]:
        serve()
    return Response(reset=True)


def _invalid_client(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    return json_response(
        {"error": "invalid_client", "error_description": "client authentication failed"}, 401
    )


def _oauth_error(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    told = {"error": options["error"]} | (
        {"error_description": options["description"]} if options["description"] else {}
    )
    if endpoint == "authorization":
        return _changed(serve(), {"code": None, "error": None, "error_description": None} | told)
    if options["consume"]:
        serve()
    return json_response(told, options["status"])


def _graphql_error(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    return api.error_response(options["status"], options["code"], "sandbox fault")


def _alter(options: dict[str, Any], endpoint: str, serve: Serve) -> Response:
    return _changed(serve(), options["changes"])


def _changed(response: Response, changes: dict[str, Any]) -> Response:
    if "Location" in response.headers:
        response.headers["Location"] = changed_query(response.headers["Location"], changes)
    elif response.body.startswith(b"{"):
        fields = json.loads(response.body) | changes
        response.body = json.dumps(
            {name: value for name, value in fields.items() if value is not None}
        ).encode()
    return response


_PLAYS: dict[str, Callable[[dict[str, Any], str, Serve], Response | None]] = {
    "lose_answer": _lose_answer,
    "cut": _cut,
    "error_before": _error,
    "error_after": _error_after,
    "gateway": _error,
    "rate_limit": _rate_limit,
    "slow": _serve,
    "html": _html,
    "redirect": _redirect,
    "outage": _outage,
    "reset": _reset,
    "invalid_client": _invalid_client,
    "oauth_error": _oauth_error,
    "graphql_error": _graphql_error,
    # The API itself plays it: only there is known what the mutation is called and selects.
    "mutation_error": _serve,
    "alter": _alter,
}
