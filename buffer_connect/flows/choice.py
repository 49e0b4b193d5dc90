"""Which of a user's links is meant."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from buffer_connect.exceptions import AmbiguousLink, LinkRevoked, MissingScope, NotLinked
from buffer_connect.models import BufferLink
from buffer_connect.models.link import BufferLinkQuerySet


def links_of(user: Any) -> BufferLinkQuerySet:
    """Return the links of `user` as they were written: a replica may not know of a new one."""
    return BufferLink.objects.using(BufferLink.written_on()).for_user(user)


def choose(user: Any, links: BufferLinkQuerySet, scopes: Iterable[str] = ()) -> BufferLink:
    """Return the one active link among `links`, which are of `user`, that was granted `scopes`.

    One query when there is one, two when there is none. Raises `NotLinked` when none was ever
    linked, `MissingScope` when one is active without the scopes, `LinkRevoked` with the newest
    when all have ended, `AmbiguousLink` when several fit. An API key is passed over where its
    account is connected by a link that fits too.
    """
    wanted = _listed(scopes)
    active = list(links.active().order_by("pk"))
    fitting = _without_spare_keys([link for link in active if link.has_scopes(*wanted)])
    if len(fitting) > 1:
        raise AmbiguousLink(fitting)
    if fitting:
        return fitting[0]
    if active:
        raise MissingScope(active[-1], active[-1].missing_scopes(wanted))
    ended = links.revoked().order_by("-status_changed_at").first()
    if ended is None:
        raise NotLinked(user)
    raise LinkRevoked(ended, ended.reason)


def link_called(uid: UUID | str, scopes: Iterable[str] = ()) -> BufferLink:
    """Return the link `uid`, which is active and was granted `scopes`, whoever's it is.

    One query. Raises `LinkRevoked` when it has ended, or is not there any more, and `MissingScope`.
    """
    wanted = _listed(scopes)
    link = BufferLink.objects.using(BufferLink.written_on()).filter(uid=uid).first()
    if link is None:
        raise LinkRevoked(BufferLink(uid=uid), BufferLink.Status.DISCONNECTED)
    if not link.is_active:
        raise LinkRevoked(link, link.reason or link.status)
    if missing := link.missing_scopes(wanted):
        raise MissingScope(link, missing)
    return link


def _listed(scopes: Iterable[str]) -> list[str]:
    if isinstance(scopes, str):
        raise TypeError("scopes has to be a list of str, one scope each.")
    return list(scopes)


def _without_spare_keys(links: list[BufferLink]) -> list[BufferLink]:
    connected = {link.account_key for link in links if not link.is_api_key}
    return [link for link in links if not (link.is_api_key and link.account_key in connected)]
