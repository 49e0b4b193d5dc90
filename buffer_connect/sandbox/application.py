"""Which endpoint answers which request, what is recorded of it and which fault it meets."""

import json
import threading
from collections import deque
from collections.abc import Callable

from buffer_connect.sandbox import api, authorization, control, discovery, pages, revocation, token
from buffer_connect.sandbox.faults import FaultBox, Serve, play
from buffer_connect.sandbox.messages import (
    OAuthError,
    Request,
    Response,
    html_response,
    json_response,
)
from buffer_connect.sandbox.state import State

Endpoint = Callable[[Request, State], Response]

ROUTES: dict[tuple[str, str], tuple[str, Endpoint]] = {
    ("GET", "/auth"): ("page", authorization.ask),
    ("POST", "/auth"): ("authorization", authorization.decide),
    ("POST", "/token"): ("token", token.answer),
    ("POST", "/token/revocation"): ("revocation", revocation.revoke),
    ("POST", "/token/introspection"): ("introspection", revocation.introspect),
    ("POST", "/api"): ("api", api.answer),
    ("GET", "/.well-known/oauth-authorization-server"): (
        "discovery",
        discovery.authorization_server,
    ),
    ("GET", "/.well-known/openid-configuration"): ("discovery", discovery.openid_configuration),
    ("GET", "/sandbox.css"): ("", pages.stylesheet),
    ("GET", "/avatar.svg"): ("", pages.avatar),
    ("GET", "/favicon.ico"): ("", pages.no_icon),
}


class Application:
    """The server without its sockets."""

    def __init__(self, state: State, pause: Callable[[float], None]) -> None:
        self.state = state
        self.faults = FaultBox()
        self._pause = pause
        self._lock = threading.Lock()
        self._requests: deque[Request] = deque(maxlen=state.options.keep_requests)

    def handle(self, request: Request) -> Response | None:
        """Answer a request; None means: close the connection without an answer."""
        endpoint, serve = ROUTES.get((request.method, request.path), ("", None))
        if serve is None:
            return self._control(request)
        if not endpoint:
            return serve(request, self.state)
        request.endpoint, request.at = endpoint, self.state.now()
        request.grant_id = self._grant_id(request)
        self._record(request)
        if endpoint in {"token", "api"}:
            self._pause(self.state.options.latency)
        response = self._answer(request, lambda: self._carry_out(request, serve))
        request.status = response.status if response and not response.reset else None
        request.delivered = response is not None and _holds(response, request.successor)
        return response

    def requests(self) -> list[Request]:
        """Return the recorded requests, oldest first."""
        with self._lock:
            return list(self._requests)

    def forget_requests(self) -> None:
        """Start the record anew."""
        with self._lock:
            self._requests.clear()

    def _answer(self, request: Request, serve: Serve) -> Response | None:
        fault = self.faults.take(request.endpoint, request.grant_id)
        if fault is None:
            return serve()
        request.fault, request.fault_options = fault.kind, fault.options
        return play(fault, request.endpoint, serve, self._pause)

    def _record(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)
        if request.endpoint == "token":
            self.state.table.note_request(_first(request, "refresh_token"))

    def _carry_out(self, request: Request, serve: Endpoint) -> Response:
        try:
            return serve(request, self.state)
        except OAuthError as problem:
            return _oauth_answer(request, problem)

    def _control(self, request: Request) -> Response:
        try:
            response = control.answer(request, self.state, self.faults, self.requests)
        except OAuthError as problem:
            return _oauth_answer(request, problem)
        return response or _not_found(request)

    def _grant_id(self, request: Request) -> str:
        names = {
            "token": ("refresh_token", "code"),
            "revocation": ("token",),
            "introspection": ("token",),
        }
        values = [_first(request, name) for name in names.get(request.endpoint, ())] or [
            request.bearer_token
        ]
        return next(filter(None, map(self.state.table.grant_id_of, values)), "")


def _first(request: Request, name: str) -> str:
    return request.form.get(name, [""])[0]


def _holds(response: Response, token: str) -> bool:
    """Tell whether `token` is among what is written, with the quotes around it."""
    return bool(token) and json.dumps(token).encode() in response.written


def _oauth_answer(request: Request, problem: OAuthError) -> Response:
    if request.prefers_html:
        return html_response(pages.error_page(problem.error, problem.description), problem.status)
    return json_response(
        {"error": problem.error, "error_description": problem.description}, problem.status
    )


def _not_found(request: Request) -> Response:
    return _oauth_answer(
        request, OAuthError(404, "invalid_request", "unrecognized route or not allowed method")
    )
