"""Who may refresh what, until when: claim, pre-flight, intent (T1, T2, T4)."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from buffer_connect.conf import conf
from buffer_connect.exceptions import DecryptionFailed
from buffer_connect.flows.commit import atomically
from buffer_connect.flows.instance import OfAnotherInstance, require_ours
from buffer_connect.flows.refresh.halt import client_key
from buffer_connect.flows.refresh.worker import inside_test_case
from buffer_connect.models import BufferLink, statements
from buffer_connect.sealing import Keyring, Secret

logger = logging.getLogger(__name__)

BLOCKED_FOR = timedelta(minutes=5)
DIGEST_PURPOSE = "link refresh token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The links whose lease one worker holds. `started` is monotonic, before the lease began."""

    owner: UUID
    started: float
    links: list[BufferLink]
    # Whether a caller waits for them.
    in_use: bool = False

    @property
    def send_by(self) -> float:
        """The monotonic moment after which no request may be begun: its answer must be stored
        before the lease ends."""
        timing = conf.timing
        return self.started + timing.lease - timing.total - timing.commit - timing.skew


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One refresh token on its way, as its owner read the row."""

    link: BufferLink
    owner: UUID
    token: Secret = field(repr=False)
    keyring: Keyring = field(repr=False)
    send_by: float
    read_at: float
    in_use: bool = False

    @property
    def is_resend(self) -> bool:
        """Whether this generation went out before and no answer settled it."""
        return self.link.in_doubt

    @property
    def sent_count(self) -> int:
        """What T2 writes for this attempt."""
        return self.link.sent_count + 1 if self.is_resend else 1

    @property
    def unused_for(self) -> timedelta | None:
        """How long ago the link was used; None: never."""
        return timedelta(0) if self.in_use else self.link.unused_for

    @property
    def held(self) -> dict[str, Any]:
        """The row, the epoch and the generation to which the answer belongs."""
        link = self.link
        return {"pk": link.pk, "epoch": link.epoch, "generation": link.generation}

    @property
    def until_expiry(self) -> float:
        """Seconds that the held access token lives on; negative when it is over."""
        return self.link.life_left.total_seconds() - (monotonic() - self.read_at)


def claim(ids: list[int], *, probing: bool = False, in_use: bool = False) -> Claim:
    """T1: take the lease of those of `ids` that may be refreshed now, and read them.

    None while the brake is on, or the breaker is open and the caller not `probing`. `in_use` says
    that somebody waits for them.
    Raises `ImproperlyConfigured` and, inside a transaction, `RuntimeError` before any row is
    touched: after T2 either would leave a link in doubt.
    """
    conf.require_for_tokens()
    _require_autocommit()
    timing, owner, started = conf.timing, uuid4(), monotonic()
    links = statements.claim(
        ids=ids,
        owner=owner,
        lease=timing.lease,
        quarantine=timing.quarantine,
        client_key="" if probing else client_key(),
    )
    return Claim(owner=owner, started=started, links=links, in_use=in_use)


def claim_to_send(link: BufferLink) -> Attempt | None:
    """T1, pre-flight and T2 for one `link` that a caller just read, in one statement.

    None where they take more than that: somebody else is at the row, it is in doubt, or it does
    not open. Raises as `claim`.
    """
    conf.require_for_tokens()
    _require_autocommit()
    if link.in_doubt:
        return None
    claimed = Claim(owner=uuid4(), started=monotonic(), links=[link], in_use=True)
    try:
        attempt = _opened(claimed, link)
    except DecryptionFailed:
        return None
    sent = statements.claim_to_send(
        pk=link.pk,
        epoch=link.epoch,
        generation=link.generation,
        owner=claimed.owner,
        lease=conf.timing.lease,
        client_key=client_key(),
    )
    return attempt if sent else None


def _require_autocommit() -> None:
    # T2 must be committed before the send, and no rollback may take T3 back.
    connection = connections[BufferLink.written_on()]
    if not connection.settings_dict["AUTOCOMMIT"]:
        raise ImproperlyConfigured("Links need AUTOCOMMIT = True in the entry of their database.")
    if not connection.get_autocommit() and not inside_test_case():
        raise RuntimeError("Links cannot be refreshed inside a transaction of their database.")


def prepare(claimed: Claim) -> list[Attempt]:
    """Pre-flight: return those of the claim that can be sent, and whose answer can be kept."""
    attempts = (_prepare(claimed, link) for link in claimed.links)
    return [attempt for attempt in attempts if attempt is not None]


def _prepare(claimed: Claim, link: BufferLink) -> Attempt | None:
    try:
        return _opened(claimed, link)
    except (DecryptionFailed, OfAnotherInstance) as error:
        block(claimed.owner, link, type(error).__name__)
        return None


def _opened(claimed: Claim, link: BufferLink) -> Attempt:
    require_ours(link)
    keyring = conf.keyring
    token = link.open_refresh_token()
    if token is None or not keyring.verify_digest(link.refresh_token_digest, token, DIGEST_PURPOSE):
        raise DigestMismatch
    return Attempt(
        link=link,
        owner=claimed.owner,
        token=token,
        keyring=keyring,
        send_by=claimed.send_by,
        read_at=monotonic(),
        in_use=claimed.in_use,
    )


class DigestMismatch(DecryptionFailed):
    """The refresh token is not the one whose digest was written beside it."""


def block(owner: UUID, link: BufferLink, error: str) -> None:
    """T4b: leave the link as it is and look again in `BLOCKED_FOR`; nothing is sent."""
    statements.block(
        pk=link.pk,
        owner=owner,
        epoch=link.epoch,
        generation=link.generation,
        error=error,
        delay=BLOCKED_FOR.total_seconds(),
    )
    logger.error("link=%s state=blocked error=%s nothing was sent", link.uid, error)


def record_intent(attempts: list[Attempt]) -> list[Attempt]:
    """T2: commit that these may be sent from now on; return those for which it holds.

    The others are released (T4): their turn came too late, or the database let others go first.
    """
    if not attempts or monotonic() > attempts[0].send_by:
        release(attempts)
        return []
    owner = attempts[0].owner
    held = [(a.link.pk, a.link.epoch, a.link.generation) for a in attempts]
    if statements.record_intent(owner=owner, held=held) == len(attempts):
        return attempts
    recorded = atomically(lambda: [each for each in attempts if _is_recorded(each)])
    release(attempt for attempt in attempts if attempt not in recorded)
    return recorded


def _is_recorded(attempt: Attempt) -> bool:
    link = attempt.link
    row = BufferLink.objects.as_held().filter(
        pk=link.pk, lease_owner=attempt.owner, epoch=link.epoch, generation=link.generation
    )
    return row.filter(
        sent_generation=link.generation, sent_count=attempt.sent_count, sent_ended_at=None
    ).exists()


def release(attempts: Iterable[Attempt]) -> None:
    """T4: give the lease back; nothing was sent."""
    for attempt in attempts:
        statements.release(pk=attempt.link.pk, owner=attempt.owner)
