"""K: what another key than the first has sealed is sealed anew, while the site goes on working."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Case, Q, QuerySet, Value, When

from buffer_connect.conf import conf
from buffer_connect.exceptions import DecryptionFailed
from buffer_connect.flows.refresh.claim import DIGEST_PURPOSE, DigestMismatch
from buffer_connect.models import BufferLink, statements
from buffer_connect.models.keys import (
    TOKENS,
    digested_otherwise,
    sealed_links,
    sealed_otherwise,
    sealed_requests,
    sealed_revocations,
    sealed_with,
)
from buffer_connect.models.link import sealed_column
from buffer_connect.sealing import Keyring

# Of a row that others were quicker at.
TRIES = 3
# Of the links that the first key has sealed already, so many are opened before anything is done.
SAMPLE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Unopened:
    """A row that was left alone; `error` is the name of a `DecryptionFailed`."""

    kind: str
    uid: UUID
    error: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was done; in a dry run, what would be done."""

    # Rows to be looked at, as counted at the beginning, and how many have been.
    total: int
    seen: int = 0
    # What another key had sealed and was sealed anew, by kind.
    resealed: Counter[str] = field(default_factory=Counter)
    # Changed by others meanwhile, who were quicker.
    overtaken: int = 0
    # Left alone, by the error.
    unopened: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of rows with something sealed in them."""

    name: str
    rows: Callable[[], QuerySet[Any]]
    # Whether another key than the given one has sealed some of a row.
    sealed_otherwise: Callable[[str], Q]
    # Return what `write` takes: a row's values as they were read, and sealed anew.
    anew: Callable[[Any, Keyring], dict[str, Any]]
    write: Callable[..., int]

    def others(self, kid: str) -> QuerySet[Any]:
        """The rows of which another key than `kid` has sealed some."""
        return self.rows().filter(self.sealed_otherwise(kid))

    def all(self, kid: str) -> QuerySet[Any]:
        """All rows, each with `is_other`: whether it is one of the `others`."""
        # A column that is NULL makes the condition neither true nor false.
        is_other = When(self.sealed_otherwise(kid), then=Value(True))
        rows: QuerySet[Any] = self.rows().annotate(is_other=Case(is_other, default=Value(False)))
        return rows


# Told of each row that was looked at, and why it was left alone if it was.
OnRow = Callable[[Tally, Unopened | None], None]


def reseal(*, batch: int, dry_run: bool, on_row: OnRow) -> Tally:
    """Seal with the first key all that another one has sealed; `batch` rows are read at once.

    Each row is written by itself, and only while it holds what was read: a refresh in between
    wins. So it can be stopped at any moment and begun again. What does not open is left alone.
    With `dry_run` all rows are opened, whichever key has sealed them, and nothing is written.

    Raises `ImproperlyConfigured` when the first key is not the one that has sealed under its id.
    """
    ring = conf.keyring
    _require_known_first_key(ring)
    act, select = (_look, Kind.all) if dry_run else (_reseal, Kind.others)
    tally = Tally(total=sum(select(kind, ring.kid).count() for kind in KINDS))
    for kind in KINDS:
        for row in _pages(select(kind, ring.kid), batch):
            unopened = None
            try:
                act(kind, row, ring, tally)
            except DecryptionFailed as error:
                unopened = Unopened(kind=kind.name, uid=row.uid, error=type(error).__name__)
                tally.unopened[unopened.error] += 1
            tally.seen += 1
            on_row(tally, unopened)
    return tally


def _pages(rows: QuerySet[Any], batch: int) -> Iterator[Any]:
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk")[:batch]):
        yield from page
        last = page[-1].pk


def _look(kind: Kind, row: Any, ring: Keyring, tally: Tally) -> None:
    kind.anew(row, ring)
    tally.resealed[kind.name] += row.is_other


def _reseal(kind: Kind, row: Any, ring: Keyring, tally: Tally) -> None:
    written = _is_written(kind, row, ring)
    tally.resealed[kind.name] += written
    tally.overtaken += not written


def _is_written(kind: Kind, row: Any, ring: Keyring) -> bool:
    """Seal `row` anew; False when others left nothing to do, or leave no time to do it."""
    for _ in range(TRIES):
        values = kind.anew(row, ring)
        if kind.write(**values):
            return True
        row = kind.others(ring.kid).filter(pk=row.pk).first()
        if row is None:
            return False
    return False


def _require_known_first_key(ring: Keyring) -> None:
    """Two hosts may have made a key of their own under one id: what the one seals, the other
    cannot open, and no setting can hold both."""
    ours = sealed_links().filter(sealed_with(ring.kid, "access_token")).order_by("-pk")[:SAMPLE]
    if ours and not any(_opens(link, ring) for link in ours):
        raise ImproperlyConfigured(
            f"The first key of ENCRYPTION_KEYS, {ring.kid}, is not the one that has sealed links "
            "under this id: give every host the same key. If all hosts do have the same, these "
            "rows are damaged, and their users have to connect again first: "
            + ", ".join(str(link.uid) for link in ours)
        )


def _opens(link: BufferLink, ring: Keyring) -> bool:
    try:
        _anew(link, "access_token", ring, epoch=link.epoch)
    except DecryptionFailed:
        return False
    return True


def _anew_link(link: BufferLink, ring: Keyring) -> dict[str, Any]:
    values: dict[str, Any] = {"epoch": link.epoch, "generation": link.generation}
    for column in TOKENS:
        values |= _anew(link, column, ring, epoch=link.epoch)
    return {**values, "pk": link.pk, "digest": _digest(link, ring)}


def _digest(link: BufferLink, ring: Keyring) -> str:
    if link.refresh_token is None:
        return link.refresh_token_digest
    place = sealed_column("refresh_token").place(link.uid, link.epoch)
    token = ring.open(link.refresh_token, place)
    # Else the digest would come to fit a token that was put back, and that would be sent again.
    if not ring.verify_digest(link.refresh_token_digest, token, DIGEST_PURPOSE):
        raise DigestMismatch
    return ring.digest(token, DIGEST_PURPOSE)


def _anew(row: Any, column: str, ring: Keyring, *, epoch: UUID | None = None) -> dict[str, Any]:
    """Return a sealed column as it was read, and sealed anew."""
    read = getattr(row, column)
    if read is None:
        return {column: None, f"old_{column}": None}
    old, place = bytes(read), row._meta.get_field(column).place(row.uid, epoch)
    return {column: ring.seal(ring.open(old, place), place), f"old_{column}": old}


KINDS = (
    Kind(
        name="link",
        rows=sealed_links,
        sealed_otherwise=lambda kid: sealed_otherwise(kid, *TOKENS) | digested_otherwise(kid),
        anew=_anew_link,
        write=statements.reseal_link,
    ),
    Kind(
        name="revocation",
        rows=sealed_revocations,
        sealed_otherwise=lambda kid: sealed_otherwise(kid, "token"),
        anew=lambda row, ring: {"pk": row.pk, **_anew(row, "token", ring)},
        write=statements.reseal_revocation,
    ),
    Kind(
        name="connect",
        rows=sealed_requests,
        sealed_otherwise=lambda kid: sealed_otherwise(kid, "verifier"),
        anew=lambda row, ring: {"pk": row.pk, **_anew(row, "verifier", ring)},
        write=statements.reseal_request,
    ),
)
