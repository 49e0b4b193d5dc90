"""The authorization endpoint: checks the request, asks the person, redirects back (RFC 6749 section 4.1, RFC 9207)."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from buffer_connect.sandbox import pages
from buffer_connect.sandbox.messages import (
    OAuthError,
    Request,
    Response,
    html_response,
    redirect,
    single_values,
    with_query,
)
from buffer_connect.sandbox.options import SCOPES, Options
from buffer_connect.sandbox.records import Consent
from buffer_connect.sandbox.state import State

SESSION_COOKIE = "sandbox_session"
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1", "testserver"}


class Unredirectable(Exception):
    """The request names no client or no redirect URI of ours: its answer must stay here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A checked authorization request."""

    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    challenge: str


def ask(request: Request, state: State) -> Response:
    """Show the consent page, or send an error back to the client."""
    try:
        wanted = _checked(request, state.options)
    except Unredirectable as problem:
        return html_response(
            pages.error_page("This request cannot be answered", str(problem)), status=400
        )
    except OAuthError as problem:
        return _refuse(request, state, problem)
    page = pages.consent_page(query=request.query, scopes=wanted.scopes, accounts=state.accounts)
    session = request.cookie(SESSION_COOKIE) or secrets.token_urlsafe(16)
    cookie = f"{SESSION_COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax"
    return html_response(page, headers={"Set-Cookie": cookie})


def decide(request: Request, state: State) -> Response:
    """Take the person's decision: form fields `decision` (`allow`, `deny`), `account`, and `scope` for each scope left."""
    try:
        wanted = _checked(request, state.options)
    except Unredirectable as problem:
        return html_response(
            pages.error_page("This request cannot be answered", str(problem)), status=400
        )
    except OAuthError as problem:
        return _refuse(request, state, problem)
    if request.form.get("decision") != ["allow"]:
        return _refuse(
            request, state, OAuthError(400, "access_denied", "End-User aborted interaction")
        )
    consent = Consent(
        account=request.form.get("account", ["account-1"])[0],
        scopes=tuple(scope for scope in wanted.scopes if scope in request.form.get("scope", [])),
        redirect_uri=wanted.redirect_uri,
        challenge=wanted.challenge,
        session=request.cookie(SESSION_COOKIE),
    )
    return _back(wanted.redirect_uri, wanted.state, state, {"code": state.table.authorize(consent)})


def _checked(request: Request, options: Options) -> AuthorizationRequest:
    if request.params.get("client_id") != [options.client_id]:
        raise Unredirectable("No client with this client_id is registered.")
    redirect_uris = request.params.get("redirect_uri", [])
    if len(redirect_uris) != 1 or not _is_registered(redirect_uris[0], options):
        raise Unredirectable("The redirect_uri is not one of those registered for this client.")
    params = single_values(request.params)
    _check_grant(params)
    return AuthorizationRequest(
        redirect_uri=redirect_uris[0],
        state=params.get("state", ""),
        scopes=_known_scopes(params),
        challenge=params["code_challenge"],
    )


def _check_grant(params: dict[str, str]) -> None:
    if params.get("response_type") != "code":
        raise OAuthError(400, "unsupported_response_type", "only response_type=code is supported")
    if params.get("response_mode", "query") != "query":
        raise OAuthError(400, "invalid_request", "unsupported response_mode requested")
    if "code_challenge" not in params:
        raise OAuthError(
            400, "invalid_request", "Authorization Server policy requires PKCE to be used"
        )
    if params.get("code_challenge_method") != "S256":
        raise OAuthError(400, "invalid_request", "not supported value of code_challenge_method")
    if len(params["code_challenge"]) != 43:
        raise OAuthError(
            400, "invalid_request", "code_challenge must be a string with 43 characters"
        )


def _is_registered(address: str, options: Options) -> bool:
    if options.redirect_uris:
        return address in options.redirect_uris
    parts = urlsplit(address)
    return (
        parts.scheme in {"http", "https"} and parts.hostname in _LOCAL_HOSTS and not parts.fragment
    )


def _known_scopes(params: dict[str, str]) -> tuple[str, ...]:
    known = [scope for scope in dict.fromkeys(params.get("scope", "").split()) if scope in SCOPES]
    if "consent" not in params.get("prompt", "").split():
        known = [scope for scope in known if scope != "offline_access"]
    return tuple(known)


def _refuse(request: Request, state: State, problem: OAuthError) -> Response:
    fields = {"error": problem.error, "error_description": problem.description}
    # A doubled state cannot be sent back as one: none is sent then.
    states = request.params.get("state", [])
    return _back(
        request.params["redirect_uri"][0], states[0] if len(states) == 1 else "", state, fields
    )


def _back(redirect_uri: str, client_state: str, state: State, fields: dict[str, str]) -> Response:
    told = {"state": client_state} if client_state else {}
    return redirect(with_query(redirect_uri, fields | told | {"iss": state.issuer}))
