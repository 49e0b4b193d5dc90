"""Adopting: tokens that were obtained elsewhere are kept from now on."""

import logging
from typing import Any

from buffer_connect.conf import conf
from buffer_connect.flows import announce
from buffer_connect.flows.connect.store import store
from buffer_connect.flows.refresh.claim import DIGEST_PURPOSE
from buffer_connect.models import BufferLink
from buffer_connect.models.granted import Granted
from buffer_connect.models.link import account_key

logger = logging.getLogger(__name__)


def keep(user: Any, granted: Granted) -> BufferLink:
    """Make or renew the link of `user` with what was `granted`; the site is told on commit.

    An active link that holds this very refresh token stays as it is: what is out for it would be lost.
    """
    if (link := _holding(user, granted)) is not None:
        return link
    event = store(user.pk, granted)
    link = BufferLink.objects.using(BufferLink.written_on()).get(pk=event.link_id)
    logger.info("link=%s status=active user=%s cause=adopted", link.uid, user.pk)
    announce.after_commit(event)
    return link


def _holding(user: Any, granted: Granted) -> BufferLink | None:
    if granted.refresh_token is None:
        return None
    digests = conf.keyring.digests(granted.refresh_token, DIGEST_PURPOSE)
    links = BufferLink.objects.using(BufferLink.written_on()).active().filter(user=user)
    same = links.filter(account_key=account_key(granted.account.id))
    return same.filter(refresh_token_digest__in=digests).first()


def keep_new(user: Any, granted: Granted, *, dry_run: bool) -> bool:
    """Make the link of `user`, unless there is one to that account; return whether there was none.

    What is there may have used its first refresh token up, so tokens that come again must not take
    its place, whatever its status. Raises `ValueError` when another link holds the refresh token: the
    second use of it would end both. A dry run only looks.
    """
    links = BufferLink.objects.using(BufferLink.written_on())
    key = account_key(granted.account.id)
    if links.filter(user=user, kind=BufferLink.Kind.OAUTH, account_key=key).exists():
        return False
    if granted.refresh_token:
        digests = conf.keyring.digests(granted.refresh_token, DIGEST_PURPOSE)
        if links.filter(refresh_token_digest__in=digests).exists():
            raise ValueError("refresh_token is held by another link already.")
    if not dry_run:
        keep(user, granted)
    return True
