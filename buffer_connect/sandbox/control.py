"""The sandbox's own controls: the front page, and JSON for other processes.

| request | JSON body | answer |
|---|---|---|
| `GET /sandbox/state` | | `issuer`, `now`, `grants` (tokens as SHA-256 digests), `faults` |
| `GET /sandbox/requests` | | `requests` of the token endpoint (`?endpoint=`: of another), oldest first: each with its grant, its fault and what came of it |
| `GET /sandbox/posts` | | `posts`, oldest first: each with its `account`, and with its input as `given` |
| `GET /sandbox/faults` | | `faults` that wait |
| `POST /sandbox/issue` | `account`, `scopes` | the tokens, `expires_in`, `scopes`, `grant` |
| `POST /sandbox/keys` | `account`; or `delete`, a key | `key`, a new API key; or `deleted` |
| `POST /sandbox/revoke` | `grant`, `token` or `account` | `revoked`: ids of the grants that were alive |
| `POST /sandbox/replay` | the same | `replayed`: ids of the grants that ended by it |
| `POST /sandbox/faults` | `kind`, `on`, `times`, `after`, `grant` or `token`, options of the kind; or `clear` | `faults` |
| `POST /sandbox/advance` | `seconds` | `now` |

A form instead of JSON gets a redirect to the front page. Nothing is protected but by the loopback address, the
Host header (against DNS rebinding) and the refusal of forms from other sites.
"""

import hashlib
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from buffer_connect.sandbox import pages
from buffer_connect.sandbox.faults import Fault, FaultBox
from buffer_connect.sandbox.messages import (
    JSON,
    OAuthError,
    Request,
    Response,
    html_response,
    json_response,
    redirect,
)
from buffer_connect.sandbox.options import USUAL_SCOPES
from buffer_connect.sandbox.records import Grant, Post, RefreshToken
from buffer_connect.sandbox.state import State

Fields = dict[str, Any]


def answer(
    request: Request, state: State, faults: FaultBox, recorded: Callable[[], list[Request]]
) -> Response | None:
    """Answer the front page and the controls; None for any other path. Raises OAuthError."""
    if request.path not in (_ACTIONS if request.method == "POST" else _VIEWS):
        return None
    _check_origin(request)
    match request.method, request.path:
        case "GET", "/":
            return _front_page(state, faults)
        case "GET", "/sandbox/state":
            return json_response(_state(state, faults))
        case "GET", "/sandbox/requests":
            endpoint = request.params.get("endpoint", ["token"])[0]
            told = [_request(each) for each in recorded() if each.endpoint == endpoint]
            return json_response({"requests": told})
        case "GET", "/sandbox/posts":
            return json_response({"posts": [_post(post) for post in list(state.posts)]})
        case "GET", "/sandbox/faults":
            return json_response(_waiting(faults))
        case "POST", _:
            result = _act(request, state, faults)
            return json_response(result) if request.content_type == JSON else redirect("/")
    return None


def _front_page(state: State, faults: FaultBox) -> Response:
    waiting = [_fault_line(fault) for fault in faults.waiting()]
    page = pages.front_page(
        issuer=state.issuer,
        grants=reversed(state.table.snapshot()),
        posts=reversed(list(state.posts)),
        faults=waiting,
    )
    return html_response(page)


def _act(request: Request, state: State, faults: FaultBox) -> Fields:
    try:
        return _ACTIONS[request.path](_fields(request), state, faults)
    except (KeyError, TypeError, ValueError) as problem:
        raise OAuthError(
            400, "invalid_request", f"{type(problem).__name__}: {problem}"
        ) from problem


def _check_origin(request: Request) -> None:
    host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    if not _is_loopback(host) or request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise OAuthError(403, "invalid_request", "the controls answer to this machine only")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _fields(request: Request) -> Fields:
    if request.content_type == JSON:
        return dict(request.json)
    return {name: values[0] for name, values in request.form.items()}


def _issue(fields: Fields, state: State, faults: FaultBox) -> Fields:
    scopes = fields.get("scopes", USUAL_SCOPES)
    wanted = scopes.split() if isinstance(scopes, str) else list(scopes)
    tokens = state.table.issue(fields.get("account", "account-1"), wanted)
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "expires_in": tokens.expires_in,
        "scopes": list(tokens.scopes),
        "account": tokens.account,
        "grant": tokens.grant_id,
    }


def _keys(fields: Fields, state: State, faults: FaultBox) -> Fields:
    if "delete" in fields:
        return {"deleted": state.keys.delete(fields["delete"])}
    return {"key": state.keys.issue(fields.get("account", "account-1"))}


def _revoke(fields: Fields, state: State, faults: FaultBox) -> Fields:
    return {"revoked": [each for each in _grant_ids(fields, state) if state.table.revoke(each)]}


def _replay(fields: Fields, state: State, faults: FaultBox) -> Fields:
    return {"replayed": [each for each in _grant_ids(fields, state) if state.table.replay(each)]}


def _faults(fields: Fields, state: State, faults: FaultBox) -> Fields:
    if fields.pop("clear", None):
        faults.clear()
    else:
        faults.add(_fault(fields, state))
    return _waiting(faults)


def _waiting(faults: FaultBox) -> Fields:
    return {"faults": [_fault_line(fault) for fault in faults.waiting()]}


def _fault(fields: Fields, state: State) -> Fault:
    named = {"kind", "on", "times", "after", "grant", "token"}
    times = fields.get("times", 1)
    grant = _grant_ids(fields, state)[0] if {"grant", "token"} & fields.keys() else None
    return Fault(
        kind=fields["kind"],
        on=fields.get("on", "token"),
        times=None if times is None else int(times),
        after=int(fields.get("after", 0)),
        grant=grant,
        options={name: value for name, value in fields.items() if name not in named},
    )


def _advance(fields: Fields, state: State, faults: FaultBox) -> Fields:
    state.clock.advance(float(fields["seconds"]))
    return {"now": state.now()}


def _grant_ids(fields: Fields, state: State) -> list[str]:
    if "grant" in fields:
        return [state.table.grant(fields["grant"]).id]
    if "token" in fields:
        grant_id = state.table.grant_id_of(fields["token"])
        if grant_id is None:
            raise ValueError("no grant has this token")
        return [grant_id]
    account = fields["account"]
    return [grant.id for grant in state.table.snapshot() if grant.account == account]


def _state(state: State, faults: FaultBox) -> Fields:
    return {
        "issuer": state.issuer,
        "now": state.now(),
        "grants": [_grant(grant) for grant in state.table.snapshot()],
        **_waiting(faults),
    }


def _grant(grant: Grant) -> Fields:
    current = grant.current_refresh_token
    return {
        "id": grant.id,
        "account": grant.account,
        "scopes": list(grant.scopes),
        "created_at": grant.created_at,
        "expires_at": grant.expires_at,
        "revoked_at": grant.revoked_at,
        "revoked_by": grant.revoked_by,
        "reuse_detected": grant.reuse_detected,
        "current": None if current is None else _digest(current),
        "refresh_tokens": [_refresh_token(token) for token in grant.refresh_tokens],
    }


def _refresh_token(token: RefreshToken) -> Fields:
    return {
        "digest": _digest(token.value),
        "authorization": token.authorization,
        "generation": token.generation,
        "issued_at": token.issued_at,
        "consumed_at": token.consumed_at,
        "requests": token.requests,
        "uses": token.uses,
    }


def _post(post: Post) -> Fields:
    return {"id": post.id, "at": post.at, "account": post.account, "given": post.given}


def _request(request: Request) -> Fields:
    return {
        "at": request.at,
        "ended_at": request.ended_at,
        "agent": request.headers.get("User-Agent", ""),
        "token": _digest(request.form.get("refresh_token", [""])[0]),
        "grant": request.grant_id,
        "fault": request.fault,
        "error": request.fault_options.get("error", ""),
        "status": request.status,
        "successor": _digest(request.successor) if request.successor else None,
        "delivered": request.delivered,
    }


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _fault_line(fault: Fault) -> str:
    many = "until cleared" if fault.times is None else f"times left: {fault.times}"
    whose = f", grant {fault.grant}" if fault.grant else ""
    return f"{fault.kind} on {fault.on}, {many}{whose}"


_VIEWS = frozenset(
    {"/", "/sandbox/state", "/sandbox/requests", "/sandbox/posts", "/sandbox/faults"}
)
_ACTIONS: dict[str, Callable[[Fields, State, FaultBox], Fields]] = {
    "/sandbox/issue": _issue,
    "/sandbox/keys": _keys,
    "/sandbox/revoke": _revoke,
    "/sandbox/replay": _replay,
    "/sandbox/faults": _faults,
    "/sandbox/advance": _advance,
}
