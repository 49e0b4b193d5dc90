"""Links and their history, as a site's own pages and reports show them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, assert_type
from uuid import UUID

from django.contrib.auth.models import User

from buffer_connect.models import BufferLink, LinkEvent

Status, Reason, Kind = BufferLink.Status, BufferLink.Reason, LinkEvent.Kind

STATUSES = {
    Status.ACTIVE: "works",
    Status.REVOKED: "ended",
    Status.DISCONNECTED: "gone",
}
REASONS = {
    Reason.REVOKED_AT_BUFFER: "removed at Buffer",
    Reason.REFRESH_TOKEN_REUSED: "used twice",
    Reason.ANSWER_LOST: "lost",
    Reason.UNAUTHORIZED: "refused",
    Reason.EXPIRED: "over",
    Reason.CLONED_OR_RESTORED: "copied",
}
KINDS = {
    Kind.CONNECTED: "connected",
    Kind.RECOVERED: "came back",
    Kind.REVOKED: "ended",
    Kind.RESTORED: "accepted again",
    Kind.DISCONNECTED: "disconnected",
    Kind.NOT_TOLD: "not told",
    Kind.RESENT: "sent again",
}


def can_post(user: User) -> bool:
    links = BufferLink.objects.for_user(user).active().with_scopes("posts:write")
    return assert_type(links.exists(), bool)


def ended(user: User) -> list[BufferLink]:
    return [link for link in BufferLink.objects.for_user(user).revoked() if not link.is_active]


def missing(link: BufferLink) -> list[str]:
    if link.has_scopes("posts:read", "posts:write"):
        return []
    return link.missing_scopes(["posts:read", "posts:write"])


def described(link: BufferLink) -> dict[str, Any]:
    account: tuple[str, str, str] = link.account_id, link.account_name, link.account_email
    organizations: list[dict[str, str]] = link.organizations
    scopes: list[str] = link.granted_scopes
    return {
        "uid": str(assert_type(link.uid, UUID)),
        "user": link.user.pk,
        "account": account,
        "organizations": [organization["name"] for organization in organizations],
        "scopes": sorted(scopes),
        "status": STATUSES[Status(link.status)],
        "why": REASONS[Reason(link.reason)] if link.reason else "",
        "kind": "a key" if link.is_api_key else link.kind,
        "can be checked": link.is_checkable,
        "can be replaced": link.is_replaceable,
        "last error": link.last_error,
    }


def moments(link: BufferLink) -> Iterator[datetime | None]:
    yield link.connected_at
    yield link.status_changed_at
    yield link.expires_at
    yield link.last_refreshed_at
    yield link.last_used_at
    yield link.next_attempt_at


def history(link: BufferLink) -> Iterator[str]:
    for event in LinkEvent.objects.filter(link=link, created_at__isnull=False):
        what = event.reason if event.refused else KINDS[Kind(event.kind)]
        told = event.announced_at or event.created_at
        revoked: bool | None = event.revoked_at_buffer
        yield f"{event.uid} {told:%c} {what} {event.created} {revoked}"
        yield f"{event.link} {event.epoch} {event.generation}"


def moved(user: User, row: dict[str, Any]) -> BufferLink:
    link = BufferLink.objects.adopt(
        user=user,
        account_id=row["account_id"],
        access_token=row["access_token"],
        refresh_token=None,
        expires_in=3600,
        scopes=["account:read"],
    )
    return assert_type(link, BufferLink)
