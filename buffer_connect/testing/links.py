"""Links for a site's tests, made and ended as the flows do it, without a person and a request."""

from collections.abc import Iterable
from time import monotonic
from typing import Any

from buffer_connect import graphql
from buffer_connect.conf import conf
from buffer_connect.flows import adopt, announce, disconnect
from buffer_connect.flows.commit import atomically
from buffer_connect.flows.refresh import endings
from buffer_connect.graphql import Account
from buffer_connect.models import BufferLink, LinkEvent, statements
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.granted import Granted
from buffer_connect.sandbox import IssuedTokens, Sandbox
from buffer_connect.scopes import ALWAYS_ASKED
from buffer_connect.sealing import Secret

USUAL_LIFE = 3600


def refuse(kind: str, status: str, reason: str | None) -> None:
    """Raise `ValueError` for a kind, status or reason that there is not."""
    BufferLink.Kind(kind)
    BufferLink.Status(status)
    if reason is not None:
        BufferLink.Reason(reason)


def refuse_for_a_key(
    scopes: Iterable[str] | None, expires_in: int | None, reason: str | None
) -> None:
    """Raise `ValueError` for what an API key never has."""
    if scopes is not None or expires_in is not None:
        raise ValueError("An API key may do everything and never ends: no scopes, no expires_in.")
    if reason not in {None, BufferLink.Reason.UNAUTHORIZED}:
        raise ValueError("A link by API key ends for the reason `unauthorized` only.")


def connected(
    sandbox: Sandbox, user: Any, *, account: str, scopes: Iterable[str] | None, life: int
) -> BufferLink:
    """Return a new link of `user` to `account` of the sandbox; the site is told."""
    wanted = dict.fromkeys([*(conf.scopes if scopes is None else scopes), *ALWAYS_ASKED])
    issued = sandbox.issue(account, tuple(wanted))
    return adopt.keep(user, _granted(issued, _known(sandbox, account), life))


def by_key(sandbox: Sandbox, user: Any, *, account: str) -> BufferLink:
    """Return a new link of `user` by an API key of `account`; the site is told."""
    known = _known(sandbox, account)
    key = Granted(
        account=known,
        access_token=Secret(sandbox.issue_key(account)),
        refresh_token=None,
        scopes=(),
        life=None,
        sent_at=monotonic(),
    )
    return adopt.keep(user, key)


def revoke(sandbox: Sandbox, link: BufferLink) -> None:
    """Remove the permission of `link`, or delete its key; raises `ValueError`."""
    row = BufferLink.objects.as_held().get(pk=link.pk)
    token = row.open_access_token() or row.open_refresh_token()
    if token is None:
        raise ValueError("The link has ended already.")
    origin = sandbox.origin_of(token.reveal())
    if origin is None:
        raise ValueError("The fake Buffer did not issue this link's tokens; use make_link().")
    if row.is_api_key:
        sandbox.delete_key(token.reveal())
    else:
        sandbox.revoke(origin)


def ended(sandbox: Sandbox, link: BufferLink, status: str, reason: str | None) -> BufferLink:
    """Return an active `link` ended with `status`, for `reason` where nobody asked for it."""
    refused = BufferLink.Reason.UNAUTHORIZED
    reason = reason or (refused if link.is_api_key else BufferLink.Reason.REVOKED_AT_BUFFER)
    if reason != refused:
        revoke(sandbox, link)
    _end(link, status, reason)
    return BufferLink.objects.as_held().get(pk=link.pk)


def _known(sandbox: Sandbox, account: str) -> Account:
    known = graphql.read_account({"account": sandbox.profile(account)})
    if known is None:
        raise ValueError("account_id has to be a str that can be Buffer's id of an account.")
    return known


def _end(link: BufferLink, status: str, reason: str) -> None:
    if status == BufferLink.Status.DISCONNECTED:
        disconnect.disconnect(link)
    elif reason == BufferLink.Reason.UNAUTHORIZED:
        # Ended so is only what was refused soon after a forced refresh.
        links = BufferLink.objects.using(BufferLink.written_on())
        links.filter(pk=link.pk).update(forced_at=DatabaseNow())
        endings.unauthorized(link)
    elif event := atomically(lambda: _ended(link, BufferLink.Reason(reason))):
        announce.after_commit(event)


def _granted(issued: IssuedTokens, account: Account, life: int) -> Granted:
    refresh_token = issued.refresh_token
    return Granted(
        account=account,
        access_token=Secret(issued.access_token),
        refresh_token=None if refresh_token is None else Secret(refresh_token),
        scopes=issued.scopes,
        life=life,
        sent_at=monotonic(),
    )


def _ended(link: BufferLink, reason: BufferLink.Reason) -> LinkEvent | None:
    if not statements.refuse(**_held(link), reason=reason):
        return None
    held = {"epoch": link.epoch, "generation": link.generation}
    return LinkEvent.objects.record(LinkEvent.Kind.REVOKED, link=link.pk, reason=reason, **held)


def _held(link: BufferLink) -> dict[str, Any]:
    return {"pk": link.pk, "epoch": link.epoch, "generation": link.generation}
