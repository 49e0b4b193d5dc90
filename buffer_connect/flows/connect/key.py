"""An API key is pasted: asked whose it is, then kept like an access token that never ends."""

import logging
from time import monotonic
from typing import TYPE_CHECKING, cast

from buffer_connect.exceptions import BufferUnavailable, RateLimited
from buffer_connect.flows import announce
from buffer_connect.flows.account import WITHIN, account_in, ask_account
from buffer_connect.flows.connect.browser import Browser
from buffer_connect.flows.connect.results import Failed, Linked, Notice, NotLinked, Tell
from buffer_connect.flows.connect.store import store
from buffer_connect.graphql import Account
from buffer_connect.models.granted import Granted
from buffer_connect.sealing import Secret

if TYPE_CHECKING:
    from buffer_connect.models import BufferLink

logger = logging.getLogger(__name__)


def paste(key: Secret, browser: Browser) -> Linked | Failed:
    """Make the API-key link of `browser`'s user and the key's account, or replace its key.

    Nothing is stored before Buffer has said whose key it is. A key that was replaced works on at
    Buffer, which offers no way to revoke one.
    """
    try:
        account = _account(key)
    except NotLinked as error:
        notice = error.notice
        logger.warning("user=%s api_key=not_kept cause=%s", browser.user.pk, notice.tell)
        return Failed(notice=notice)
    event = store(browser.user.pk, _granted(key, account))
    link = cast("BufferLink", event.link)
    logger.info("link=%s status=active user=%s kind=%s", link.uid, link.user_id, link.kind)
    announce.announce(event, request=browser.request)
    connected = Notice(tell=Tell.CONNECTED, facts={"account": str(link)})
    return Linked(next_url="", notices=(connected,))


def _account(key: Secret) -> Account:
    try:
        answer = ask_account(key, total=WITHIN)
        if answer.unauthenticated:
            raise NotLinked(Notice(tell=Tell.KEY_REFUSED))
        account = account_in(answer)
    except (BufferUnavailable, RateLimited):
        raise NotLinked(Notice(tell=Tell.KEY_NOT_CHECKED)) from None
    if account is None:
        raise NotLinked(Notice(tell=Tell.ACCOUNT_UNKNOWN))
    return account


def _granted(key: Secret, account: Account) -> Granted:
    return Granted(
        account=account,
        access_token=key,
        refresh_token=None,
        scopes=(),
        life=None,
        sent_at=monotonic(),
    )
