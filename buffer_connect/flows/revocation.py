"""The outbox: Buffer is told which permissions have ended (RFC 7009), however long that takes."""

import logging
import random
from enum import Enum, auto
from time import monotonic

from django.db import transaction

from buffer_connect import transport
from buffer_connect.conf import conf
from buffer_connect.exceptions import DecryptionFailed
from buffer_connect.flows.commit import inside_transaction
from buffer_connect.flows.refresh import breaker
from buffer_connect.models import AuthorizationRequest, BufferLink, LinkEvent, PendingRevocation
from buffer_connect.oauth import lives
from buffer_connect.oauth.revocation import INVALID_CLIENT, Revocation, RevocationOutcome
from buffer_connect.sealing import Secret
from buffer_connect.stopping import Stop

logger = logging.getLogger(__name__)

# Seconds: for one request while a user waits, for one request else, for the requests of one run.
WHILE_WAITED_FOR, ON_ITS_OWN, RUNS_FOR = 5.0, 15.0, 20.0
AT_ONCE = 100
UNTIL_CONNECTED = 60.0


class Told(Enum):
    """What became of one row."""

    # Buffer has revoked the token, or never knew it.
    REVOKED = auto()
    # There is nothing to revoke: another link lives on the account, or revocation is off.
    NEEDLESS = auto()
    # Buffer will not revoke it.
    REFUSED = auto()
    # Buffer could not be told now.
    LATER = auto()
    # Nothing was sent: another process is at it, its key is missing, or its user is connecting.
    WAITS = auto()


def send_first(row: PendingRevocation) -> bool | None:
    """Try once while a user waits, for at most 5 s.

    Returns True when Buffer has revoked the token, False when it is still to be told, None when
    there is nothing to revoke.
    """
    if breaker.is_open():
        return False
    told = send(row, total=WHILE_WAITED_FOR)
    return None if told is Told.NEEDLESS else told is Told.REVOKED


def send_due(limit: int = AT_ONCE, *, stop: Stop | None = None) -> int:
    """Send what is due, `limit` rows at most; return how many tokens Buffer has revoked.

    Stops as soon as Buffer cannot be told, for what kept the one would keep the others; and once
    `stop` is set. Safe beside any number of other runs. Inside a transaction it sends nothing, for
    a rollback might bring a link back whose grant is gone.
    """
    if inside_transaction():
        return 0
    started, revoked = monotonic(), 0
    for row in PendingRevocation.objects.hopeless()[:limit]:
        _give_up(row, error="overdue")
    for row in PendingRevocation.objects.due()[:limit]:
        if stop and stop.is_set():
            break
        told = send(row)
        revoked += told is Told.REVOKED
        if told is Told.LATER or monotonic() - started > RUNS_FOR:
            break
    return revoked


def send(row: PendingRevocation, *, total: float = ON_ITS_OWN) -> Told:
    """Take one row and tell Buffer, within `total` seconds."""
    if not row.take():
        return Told.WAITS
    if _is_being_connected(row):
        row.postpone(UNTIL_CONNECTED)
        return Told.WAITS
    if _is_needless(row):
        row.drop()
        return Told.NEEDLESS
    token = _opened(row)
    if token is None:
        return Told.WAITS
    return _settle(row, transport.revoke(token, total=total))


def _opened(row: PendingRevocation) -> Secret | None:
    try:
        return row.open_token()
    except DecryptionFailed as error:
        _postpone(row, RevocationOutcome(verdict=Revocation.LATER, error=type(error).__name__))
        return None


def _is_being_connected(row: PendingRevocation) -> bool:
    """Whether a link may be about to live on the grant; asked first, for then it is there."""
    requests = AuthorizationRequest.objects.using(BufferLink.written_on())
    return requests.may_be_for(row.account_key, tries=row.attempts).exists()


def _is_needless(row: PendingRevocation) -> bool:
    """Whether revoking could end a grant that is in use: several links may share one."""
    if conf.revocation_endpoint is None:
        return True
    links = BufferLink.objects.as_held().active()
    shared = links.filter(account_key=row.account_key, kind=BufferLink.Kind.OAUTH).exists()
    if shared:
        logger.info("revocation=%s state=dropped cause=account_in_use", row.uid)
    return shared


def _settle(row: PendingRevocation, outcome: RevocationOutcome) -> Told:
    if outcome.verdict is Revocation.DONE:
        row.drop()
        breaker.close()
        logger.info("revocation=%s state=done", row.uid)
        return Told.REVOKED
    if outcome.verdict is Revocation.NEVER:
        breaker.close()
        _give_up(row, error=outcome.error)
        return Told.REFUSED
    if outcome.error == INVALID_CLIENT:
        breaker.open_()
    _postpone(row, outcome)
    return Told.LATER


def _postpone(row: PendingRevocation, outcome: RevocationOutcome) -> None:
    delay = lives.patient_pause(
        row.attempts + 1, retry_after=outcome.retry_after, random=random.random
    )
    row.postpone(delay)
    logger.warning(
        "revocation=%s state=later error=%s retry_in=%.0fs", row.uid, outcome.error, delay
    )


def _give_up(row: PendingRevocation, *, error: str) -> None:
    with transaction.atomic(using=BufferLink.written_on()):
        if not row.drop():
            return
        LinkEvent.objects.record(LinkEvent.Kind.NOT_TOLD, link=None)
    logger.error(
        "revocation=%s state=given_up error=%s a permission that ended here may stand at Buffer",
        row.uid,
        error,
    )
