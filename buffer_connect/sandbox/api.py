"""The GraphQL API: the account behind the access token, its channels and posts, typed errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
    execute_sync,
    parse,
    validate,
)

from buffer_connect.sandbox.messages import Request, Response, json_response
from buffer_connect.sandbox.posts import node, page
from buffer_connect.sandbox.records import Post
from buffer_connect.sandbox.schema import SCHEMA
from buffer_connect.sandbox.state import State

SERVICES = ("mastodon", "bluesky", "linkedin")

Payload = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caller:
    account: str
    scopes: tuple[str, ...]
    grant_id: str
    state: State
    # The typed error that mutations get instead of being carried out.
    refusal: Mapping[str, str]

    @property
    def posts(self) -> list[Post]:
        return [post for post in list(self.state.posts) if post.account == self.account]

    def require(self, scope: str, organization: str | None = None) -> None:
        """Raise Buffer's error for a scope that was not granted, or somebody else's organization."""
        if scope not in self.scopes:
            raise GraphQLError(f"Missing scope {scope}", extensions={"code": "FORBIDDEN"})
        if organization not in {None, _organization(self.account)["id"]}:
            raise GraphQLError("No such organization", extensions={"code": "NOT_FOUND"})


def profile(account: str, issuer: str) -> Payload:
    """Return what the API tells of an account."""
    number = account.rpartition("-")[2]
    return {
        "id": account,
        "email": f"{account}@sandbox.invalid",
        "name": f"Sandbox account {number}",
        "avatar": f"{issuer}/avatar.svg",
        "organizations": [_organization(account)],
    }


def _organization(account: str) -> Payload:
    number = account.rpartition("-")[2]
    return {"id": f"organization-{number}", "name": f"Sandbox organization {number}"}


def _account(caller: _Caller) -> Payload:
    caller.require("account:read")
    return profile(caller.account, caller.state.issuer)


def _channels(caller: _Caller, **arguments: Any) -> list[Payload]:
    organization = arguments["input"]["organizationId"]
    caller.require("account:read", organization)
    return [
        {
            "id": f"{organization}-{service}",
            "name": f"sandbox-{service}",
            "displayName": f"Sandbox on {service}",
            "service": service,
            "avatar": f"{caller.state.issuer}/avatar.svg",
            "timezone": "Europe/London",
            "organizationId": organization,
            "isDisconnected": False,
            "isLocked": False,
            "isQueuePaused": False,
        }
        for service in SERVICES
    ]


def _posts(caller: _Caller, **arguments: Any) -> Payload:
    asked = arguments["input"]
    caller.require("posts:read", asked["organizationId"])
    return page(caller.posts, asked, arguments.get("first"), arguments.get("after"))


def _create_post(caller: _Caller, **arguments: Any) -> Payload:
    post = arguments["input"]
    if "posts:write" not in caller.scopes:
        return _refused("UnauthorizedError", "Missing scope posts:write")
    if not (post.get("text") or "").strip():
        return _refused("InvalidInputError", "A post needs a text")
    created = caller.state.post(caller.account, caller.grant_id, post)
    return {"__typename": "PostActionSuccess", "post": node(created)}


def _delete_post(caller: _Caller, **arguments: Any) -> Payload:
    post_id = arguments["input"]["id"]
    if "posts:write" not in caller.scopes:
        return _refused("VoidMutationError", "Missing scope posts:write")
    post = next((post for post in caller.posts if post.id == post_id), None)
    if post is None:
        return _refused("VoidMutationError", "No such post")
    caller.state.posts.remove(post)
    return {"__typename": "DeletePostSuccess", "id": post_id}


def _refused(kind: str, message: str) -> Payload:
    return {"__typename": kind, "message": message}


def answer(request: Request, state: State) -> Response:
    """Answer one GraphQL request."""
    token = request.bearer_token
    known = state.table.bearer(token) or state.keys.bearer(token)
    if known is None:
        return error_response(401, "UNAUTHENTICATED", "Missing or invalid access token")
    account, scopes = known
    allowance = state.quotas.take(account, enforce=state.options.enforce_quotas)
    if allowance.window is not None:
        return rate_limited(allowance.window, str(allowance.retry_after), allowance.headers)
    caller = _Caller(
        account=account,
        scopes=scopes,
        grant_id=state.origin_of(request.bearer_token) or "",
        state=state,
        refusal=request.fault_options if request.fault == "mutation_error" else {},
    )
    response = _execute(request, caller)
    response.headers.update(allowance.headers)
    return response


def error_response(
    status: int,
    code: str,
    message: str,
    *,
    headers: Mapping[str, str] | None = None,
    **extensions: str,
) -> Response:
    """Answer with one top-level error; an empty code leaves it out."""
    known = {"code": code, **extensions} if code else extensions
    error = {"message": message} | ({"extensions": known} if known else {})
    return json_response({"errors": [error]}, status, headers)


def rate_limited(
    window: str, retry_after: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer 429 for an exhausted window; an empty `retry_after` leaves that header out."""
    wait = {"Retry-After": retry_after} if retry_after else {}
    return error_response(
        429,
        "RATE_LIMIT_EXCEEDED",
        "Too many requests from this client. Please try again later.",
        headers={**(headers or {}), **wait},
        window=window,
    )


def _execute(request: Request, caller: _Caller) -> Response:
    body = request.json if isinstance(request.json, dict) else {}
    query, variables = body.get("query"), body.get("variables")
    if not isinstance(query, str) or not isinstance(variables, dict | None):
        return error_response(400, "BAD_REQUEST", "Send a JSON object with a query")
    document = _document(query)
    if isinstance(document, list):
        return json_response({"errors": document}, 400)
    root = {name: partial(_resolve, caller, resolve) for name, resolve in _ROOT.items()}
    result = execute_sync(SCHEMA, document, root, variable_values=variables)
    return json_response(result.formatted)


def _resolve(
    caller: _Caller, resolve: Callable[..., object], info: Any, **arguments: Any
) -> object:
    refusal = caller.refusal
    is_met = refusal and info.parent_type is SCHEMA.mutation_type
    if is_met and refusal["field"] in {"", info.path.key}:
        return _refused(refusal["type"], refusal["message"])
    return resolve(caller, **arguments)


@lru_cache(maxsize=256)
def _document(query: str) -> DocumentNode | list[Any]:
    try:
        document = parse(query, max_tokens=2000)
    except GraphQLSyntaxError as error:
        return [error.formatted]
    return [error.formatted for error in validate(SCHEMA, document)] or document


_ROOT: dict[str, Callable[..., object]] = {
    "account": _account,
    "channels": _channels,
    "posts": _posts,
    "createPost": _create_post,
    "deletePost": _delete_post,
}
