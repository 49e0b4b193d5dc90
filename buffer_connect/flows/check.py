"""U2: a link that ended because the API refused it is tried again, when somebody asks."""

import logging
from concurrent.futures import TimeoutError as Overdue
from contextlib import suppress
from datetime import timedelta

from django.db import transaction

from buffer_connect.conf import conf
from buffer_connect.exceptions import LinkRevoked, TokenUnavailable
from buffer_connect.flows import announce
from buffer_connect.flows.account import account_in, ask_account
from buffer_connect.flows.instance import require_ours
from buffer_connect.flows.refresh.hold import held, hold
from buffer_connect.flows.refresh.worker import worker
from buffer_connect.flows.steps import run
from buffer_connect.models import BufferLink, LinkEvent, statements
from buffer_connect.sealing import Secret

logger = logging.getLogger(__name__)


def check_again(link: BufferLink) -> BufferLink:
    """Try a link that ended `unauthorized` again; return it as it stands then.

    While its access token lives, Buffer's API is asked for the account: an answer brings the link
    back. When that token has ended, the link comes back for a refresh to show what is true. Any
    other link is left alone. Waits at most TIMING["CALL_WAIT"] for the API, and as long for the
    refresh.

    Raises `BufferUnavailable`, `RateLimited` or `TokenUnavailable` when nothing could be learned
    or the link belongs to another instance of the site, `LinkRevoked` when the link is gone, and `DecryptionFailed`.
    """
    future = worker.submit(("check", link.pk), lambda: _restore_if_accepted(link.pk))
    try:
        restored = future.result(conf.timing.call_wait)
        if restored:
            # What comes of a refresh stands in the row.
            with suppress(LinkRevoked, TokenUnavailable):
                run(hold(link))
        return held(link.pk)
    except Overdue:
        raise TokenUnavailable from None
    except BufferLink.DoesNotExist:
        raise LinkRevoked(link, BufferLink.Status.DISCONNECTED) from None


def _restore_if_accepted(pk: int) -> bool:
    link = held(pk)
    if not link.is_checkable:
        return False
    require_ours(link)
    return _is_worth_it(link) and _restore(link)


def _is_worth_it(link: BufferLink) -> bool:
    """Whether the API accepts the access token; once that has ended, whether there is another way.

    A token that does not open says so before anything is changed.
    """
    token = link.open_access_token()
    if token is not None and link.life_left > timedelta(0):
        return _is_accepted(token)
    return link.open_refresh_token() is not None


def _is_accepted(token: Secret) -> bool:
    answer = ask_account(token, total=conf.timing.call_wait)
    return not answer.unauthenticated and account_in(answer) is not None


def _restore(link: BufferLink) -> bool:
    """U2."""
    held_now = {"pk": link.pk, "epoch": link.epoch, "generation": link.generation}
    with transaction.atomic(using=BufferLink.written_on()):
        if not statements.restore(**held_now):
            return False
        event = LinkEvent.objects.record(
            LinkEvent.Kind.RESTORED,
            link=link.pk,
            epoch=link.epoch,
            generation=link.generation,
        )
    logger.info("link=%s status=active cause=checked_again", link.uid)
    announce.announce(event)
    return True
