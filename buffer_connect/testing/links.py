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


def connected(
    sandbox: Sandbox, user: Any, *, account: str, scopes: Iterable[str] | None, life: int
) -> BufferLink:
    """Return a new link of `user` to `account` of the sandbox; the site is told."""
    wanted = dict.fromkeys([*(conf.scopes if scopes is None else scopes), *ALWAYS_ASKED])
    issued = sandbox.issue(account, tuple(wanted))
    known = graphql.read_account({"account": sandbox.profile(account)})
    if known is None:
        raise ValueError("account_id has to be a str that can be Buffer's id of an account.")
    return adopt.keep(user, _granted(issued, known, life))


def end(link: BufferLink, status: str, reason: str) -> None:
    """Let an active link end with `status`, and with `reason` where nobody asked for it."""
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
