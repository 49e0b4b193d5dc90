"""Calls of Buffer, and what is done about each error."""

from datetime import datetime, timedelta
from typing import Any, assert_type

import requests
from django.contrib.auth.models import User

from buffer_connect.client import BufferAuth, BufferClient
from buffer_connect.decorators import buffer_link_task
from buffer_connect.exceptions import (
    AmbiguousLink,
    APIKeyRefused,
    AuthorizationFailed,
    BufferAPIError,
    BufferConnectError,
    BufferUnavailable,
    DecryptionFailed,
    KeyUnavailable,
    LinkRevoked,
    MissingScope,
    MutationFailed,
    NotLinked,
    RateLimited,
    Tampered,
    TokenUnavailable,
    UnknownVersion,
)
from buffer_connect.models import BufferLink

QUERY = "query ($with: Boolean!) { account { id name @include(if: $with) } }"


def account(user: User) -> dict[str, Any]:
    client = BufferClient.for_user(user, scopes=["account:read"], account_id="an-account")
    assert_type(client, BufferClient)
    return client.execute(QUERY, variables={"with": True})


def post(link: BufferLink, mutation: str) -> dict[str, Any]:
    client = BufferClient(link, wait_for_rate_limit=timedelta(seconds=10))
    return client.execute(mutation, raise_mutation_errors=False)


def texts(link: BufferLink, query: str) -> list[str]:
    client = BufferClient.for_link(
        link.uid, ["posts:read"], wait_for_rate_limit=timedelta(seconds=10)
    )
    found = [node["text"] for node in client.paginate(query, {"first": 50}, path="posts")]
    limit = client.rate_limits["15m"]
    left = assert_type((limit.limit, limit.remaining), tuple[int, int])
    return found if all(left) else []


async def await_texts(user: User, query: str) -> list[str]:
    client = await BufferClient.afor_user(user, ["posts:read"])
    assert_type(await client.aexecute(QUERY), dict[str, Any])
    token = assert_type(await client.aget_access_token(), str)
    await client.areport_unauthorized(token)
    return [node["text"] async for node in client.apaginate(query)]


@buffer_link_task("posts:write", acks_late=True)
def publish(client: BufferClient, mutation: str) -> dict[str, Any]:
    return client.execute(mutation)


def queue(link: BufferLink, mutation: str) -> None:
    publish.delay(link.uid, mutation)


def account_of_script() -> dict[str, Any]:
    return BufferClient.from_environment().execute(QUERY)


def by_hand(link: BufferLink) -> str:
    client = BufferClient(link)
    token = client.get_access_token(min_ttl=timedelta(minutes=5))
    assert_type(token, str)
    client.report_unauthorized(token)
    return token


def by_requests(link: BufferLink) -> requests.Response:
    return requests.get("https://api.buffer.com", auth=BufferAuth(link), timeout=5)


def cure(error: BufferConnectError) -> str:
    """Return what the user can do."""
    match error:
        case NotLinked(user=user):
            return f"{user}: connect"
        case LinkRevoked(link=link, reason=reason):
            return f"{link}: {reason}, reconnect"
        case MissingScope(link=link, scopes=scopes):
            return f"{link}: allow {', '.join(scopes)}"
        case AmbiguousLink(links=links):
            return f"choose one of {len(links)}"
        case AuthorizationFailed(error=code, description=description):
            return f"{code}: {description}"
    return "nothing"


def pause(error: BufferConnectError) -> datetime | float | None:
    """Return when, or in how many seconds, it is worth another try."""
    match error:
        case TokenUnavailable(retry_at=retry_at):
            return assert_type(retry_at, datetime | None)
        case RateLimited(retry_after=retry_after, window="15m"):
            return assert_type(retry_after, float | None)
        case BufferUnavailable(retry_after=retry_after):
            return retry_after
    return None


def incident(error: BufferConnectError) -> str:
    """Return what the site's operator has to know."""
    match error:
        case BufferAPIError(errors=errors, data=data, codes=codes):
            return f"{len(errors)} {codes} {data is None}"
        case MutationFailed(type=kind, message=message, data=rest):
            return f"{kind} {message} {len(rest)}"
        case KeyUnavailable(kid=kid):
            return kid
        case UnknownVersion(version=version):
            return str(version)
        case Tampered() | DecryptionFailed() | APIKeyRefused():
            return type(error).__name__
    return ""
