"""The GraphQL API: the account behind the access token, and one mutation with typed errors."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from buffer_connect.sandbox.messages import Request, Response, json_response
from buffer_connect.sandbox.state import State

SCHEMA = build_schema('''
"""Fields and names follow Buffer's published API, cut down to what a linked account needs."""
type Query {
  account: Account!
}

type Mutation {
  createPost(input: CreatePostInput!): PostActionPayload!
}

type Account {
  id: ID!
  email: String!
  name: String
  avatar: String!
  organizations: [Organization!]!
}

type Organization {
  id: ID!
  name: String!
}

enum SchedulingType { automatic notification }
enum ShareMode { addToQueue shareNow customScheduled }

input CreatePostInput {
  channelId: ID!
  text: String
  schedulingType: SchedulingType!
  mode: ShareMode!
}

interface MutationError { message: String! }
type InvalidInputError implements MutationError { message: String! }
type UnauthorizedError implements MutationError { message: String! }
type Post { id: ID! text: String! }
type PostActionSuccess { post: Post! }
union PostActionPayload = PostActionSuccess | InvalidInputError | UnauthorizedError
''')


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caller:
    account: str
    scopes: tuple[str, ...]
    issuer: str


def _account(caller: _Caller) -> dict[str, object]:
    if "account:read" not in caller.scopes:
        raise GraphQLError("Missing scope account:read", extensions={"code": "FORBIDDEN"})
    number = caller.account.rpartition("-")[2]
    organization = {"id": f"organization-{number}", "name": f"Sandbox organization {number}"}
    return {
        "id": caller.account,
        "email": f"{caller.account}@sandbox.invalid",
        "name": f"Sandbox account {number}",
        "avatar": f"{caller.issuer}/avatar.svg",
        "organizations": [organization],
    }


def _create_post(caller: _Caller, post: Mapping[str, Any]) -> dict[str, object]:
    if "posts:write" not in caller.scopes:
        return {"__typename": "UnauthorizedError", "message": "Missing scope posts:write"}
    if not (post.get("text") or "").strip():
        return {"__typename": "InvalidInputError", "message": "A post needs a text"}
    created = {"id": uuid.uuid4().hex, "text": post["text"]}
    return {"__typename": "PostActionSuccess", "post": created}


def answer(request: Request, state: State) -> Response:
    """Answer one GraphQL request."""
    known = state.table.bearer(request.bearer_token)
    if known is None:
        return error_response(401, "UNAUTHENTICATED", "Missing or invalid access token")
    account, scopes = known
    allowance = state.quotas.take(account, enforce=state.options.enforce_quotas)
    if allowance.window is not None:
        return rate_limited(allowance.window, str(allowance.retry_after), allowance.headers)
    response = _execute(request, _Caller(account=account, scopes=scopes, issuer=state.issuer))
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
    root = {
        "account": lambda info: _account(caller),
        "createPost": lambda info, **arguments: _create_post(caller, arguments["input"]),
    }
    result = execute_sync(SCHEMA, document, root, variable_values=variables)
    return json_response(result.formatted)


@lru_cache(maxsize=256)
def _document(query: str) -> DocumentNode | list[Any]:
    try:
        document = parse(query, max_tokens=2000)
    except GraphQLSyntaxError as error:
        return [error.formatted]
    return [error.formatted for error in validate(SCHEMA, document)] or document
