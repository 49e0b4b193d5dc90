"""D: a user ends a link here. Its tokens and profile are wiped, and Buffer is told."""

import logging
from dataclasses import dataclass
from functools import partial

from django.db import OperationalError, transaction
from django.http import HttpRequest

from buffer_connect.exceptions import TokenUnavailable
from buffer_connect.flows import announce, revocation
from buffer_connect.flows.commit import after_commit
from buffer_connect.flows.instance import require_ours
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation, statements
from buffer_connect.models.contention import is_contention

logger = logging.getLogger(__name__)

TRIES = 5


@dataclass(frozen=True, slots=True)
class Ended:
    """What was committed, and what is owed to Buffer for it."""

    event: LinkEvent
    owed: PendingRevocation | None


def disconnect(link: BufferLink, *, request: HttpRequest | None = None) -> bool | None:
    """End `link` at its user's wish, whatever its status, and send `link_disconnected`.

    The tokens and the profile are wiped at once; the row keeps its uid, so that the user can
    reconnect it. Then Buffer is told (RFC 7009), for at most 5 s; what remains goes with the
    sweeps. `request` is handed to the signal.

    Returns True when Buffer has revoked the permission, False when it is still to be told, None
    when there is nothing to revoke: no refresh token, another link that lives on the account, or
    a link that was disconnected before, which is left alone. Raises `TokenUnavailable` when the
    link changes again and again, try again; or when it belongs to another instance of the site.

    Call it outside of any transaction. Inside of one, the link ends with that transaction's
    commit; only then Buffer is told and the signal sent, and the value returned is what was
    known before.
    """
    ended = _ended(link)
    if ended is None:
        return None
    after_commit(partial(_conclude, ended, request))
    return ended.event.revoked_at_buffer


def _ended(link: BufferLink) -> Ended | None:
    """Run D until it meets the generation that is there; None when nothing is left to end."""
    for tries_left in reversed(range(TRIES)):
        row = BufferLink.objects.as_held().filter(pk=link.pk).first()
        if row is None or row.status == BufferLink.Status.DISCONNECTED:
            return None
        require_ours(row)
        try:
            ended = _end(row)
        except OperationalError as error:
            if not tries_left or not is_contention(error):
                raise
        else:
            if ended is not None:
                logger.info("link=%s status=disconnected user=%s", row.uid, row.user_id)
                return ended
    raise TokenUnavailable


def _end(row: BufferLink) -> Ended | None:
    """D for the generation of `row`, with what it owes; None when the link has moved on."""
    held = {"pk": row.pk, "epoch": row.epoch, "generation": row.generation}
    with transaction.atomic(using=BufferLink.written_on()):
        if not statements.disconnect(**held):
            return None
        owed = PendingRevocation.objects.post_for(row)
        event = LinkEvent.objects.record(
            LinkEvent.Kind.DISCONNECTED,
            link=row.pk,
            epoch=row.epoch,
            generation=row.generation,
            revoked_at_buffer=None if owed is None else False,
        )
    return Ended(event, owed)


def _conclude(ended: Ended, request: HttpRequest | None) -> None:
    event = ended.event
    if ended.owed is not None:
        event.revoked_at_buffer = revocation.send_first(ended.owed)
        events = LinkEvent.objects.using(BufferLink.written_on())
        events.filter(pk=event.pk).update(revoked_at_buffer=event.revoked_at_buffer)
    announce.announce(event, request=request)
