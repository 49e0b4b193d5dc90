"""K: what another key than the first has sealed is sealed anew, while the site goes on working."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

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

    # Rows that another key had sealed at the beginning, and how many were looked at since.
    total: int
    seen: int = 0
    # Sealed anew, by kind.
    resealed: Counter[str] = field(default_factory=Counter)
    # Changed by others meanwhile, who were quicker.
    overtaken: int = 0
    unopened: list[Unopened] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of rows with something sealed in them."""

    name: str
    # Those that another key than the given one has sealed.
    others: Callable[[str], QuerySet[Any]]
    # Return what `write` takes: a row's values as they were read, and sealed anew.
    anew: Callable[[Any, Keyring], dict[str, Any]]
    write: Callable[..., int]


def reseal(*, batch: int, dry_run: bool, on_row: Callable[[Tally], None]) -> Tally:
    """Seal with the first key all that another one has sealed; `batch` rows are read at once.

    Each row is written by itself, and only while it holds what was read: a refresh in between
    wins. So it can be stopped at any moment and begun again. What does not open is left alone.
    With `dry_run` everything is opened and nothing is written. `on_row` is called after each row.

    Raises `ImproperlyConfigured` when the first key is not the one that has sealed under its id.
    """
    ring = conf.keyring
    _require_known_first_key(ring)
    tally = Tally(total=sum(kind.others(ring.kid).count() for kind in KINDS))
    for kind in KINDS:
        for row in _pages(kind.others(ring.kid), batch):
            _reseal(kind, row, ring, tally, dry_run=dry_run)
            tally.seen += 1
            on_row(tally)
    return tally


def _pages(rows: QuerySet[Any], batch: int) -> Iterator[Any]:
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk")[:batch]):
        yield from page
        last = page[-1].pk


def _reseal(kind: Kind, row: Any, ring: Keyring, tally: Tally, *, dry_run: bool) -> None:
    try:
        written = _is_written(kind, row, ring, dry_run=dry_run)
    except DecryptionFailed as error:
        failed = Unopened(kind=kind.name, uid=row.uid, error=type(error).__name__)
        tally.unopened.append(failed)
        return
    tally.resealed[kind.name] += written
    tally.overtaken += not written


def _is_written(kind: Kind, row: Any, ring: Keyring, *, dry_run: bool) -> bool:
    """Seal `row` anew; False when others left nothing to do, or leave no time to do it."""
    for _ in range(TRIES):
        values = kind.anew(row, ring)
        if dry_run or kind.write(**values):
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


def _other_links(kid: str) -> QuerySet[BufferLink]:
    return sealed_links().filter(sealed_otherwise(kid, *TOKENS) | digested_otherwise(kid))


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
    Kind(name="link", others=_other_links, anew=_anew_link, write=statements.reseal_link),
    Kind(
        name="revocation",
        others=lambda kid: sealed_revocations().filter(sealed_otherwise(kid, "token")),
        anew=lambda row, ring: {"pk": row.pk, **_anew(row, "token", ring)},
        write=statements.reseal_revocation,
    ),
    Kind(
        name="connect",
        others=lambda kid: sealed_requests().filter(sealed_otherwise(kid, "verifier")),
        anew=lambda row, ring: {"pk": row.pk, **_anew(row, "verifier", ring)},
        write=statements.reseal_request,
    ),
)
