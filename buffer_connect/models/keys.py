"""Which keys the rows are sealed with; read from the sealed values, which need not be opened."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from string import ascii_lowercase
from typing import Any

from django.db.models import BinaryField, CharField, Q, QuerySet, Value
from django.db.models.functions import Substr
from django.db.models.lookups import Exact

from buffer_connect.exceptions import DecryptionFailed
from buffer_connect.models.link import BufferLink, BufferLinkQuerySet
from buffer_connect.models.outbox import PendingRevocation, PendingRevocationQuerySet
from buffer_connect.models.request import AuthorizationRequest, AuthorizationRequestQuerySet
from buffer_connect.sealing import HEADER_BYTES, generate_entry, header_of, kid_of
from buffer_connect.site import setting
from buffer_connect.values import NAME

TOKENS = "refresh_token", "access_token"
# An id in an entry of ENCRYPTION_KEYS, and whatever else in the settings stands before a colon.
_KIDS = re.compile(r"[A-Za-z0-9._-]+(?=:)")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """How many rows need the key `kid`; the `kid` of values that name no key is empty."""

    kid: str
    links: int = 0
    revocations: int = 0
    # Unfinished ones: their verifiers are sealed.
    connects: int = 0
    # Links and revocations of another INSTANCE of the site, which leaves them alone.
    elsewhere: int = 0

    @property
    def is_needed(self) -> bool:
        """Whether some row needs it on this site."""
        return bool(self.links or self.revocations or self.connects)

    @property
    def is_used(self) -> bool:
        """Whether some row needs it, whosever that is."""
        return self.is_needed or bool(self.elsewhere)

    @property
    def rows(self) -> str:
        """The numbers as a text."""
        ours = f"links {self.links}, revocations {self.revocations}, connects {self.connects}"
        return f"{ours}, elsewhere {self.elsewhere}" if self.elsewhere else ours


def new_entry(now: datetime) -> str:
    """Return a new entry for `ENCRYPTION_KEYS`, under an id that no entry there has.

    It is the month, with a letter where that is taken. The settings need not be usable.
    """
    taken = set(_KIDS.findall(str(setting(NAME))))
    letters = ("", *ascii_lowercase[1:])
    kids = (f"{now:%Y-%m}{letter}" for letter in letters)
    return generate_entry(next((kid for kid in kids if kid not in taken), f"{now:%Y-%m-%d.%H%M%S}"))


def keys_in_use() -> list[KeyUse]:
    """Return the use of every key that some row needs. Memory does not grow with the rows.

    The digest of a link that ended is compared, never made again; so it needs no key.
    """
    links = _of_links(sealed_links().ours())
    revocations = _counted(sealed_revocations().ours(), "token")
    connects = _counted(sealed_requests(), "verifier")
    elsewhere = _of_links(sealed_links().elsewhere())
    elsewhere += _counted(sealed_revocations().elsewhere(), "token")
    return [
        KeyUse(
            kid=kid,
            links=links[kid],
            revocations=revocations[kid],
            connects=connects[kid],
            elsewhere=elsewhere[kid],
        )
        for kid in sorted({*links, *revocations, *connects, *elsewhere})
    ]


def _of_links(rows: BufferLinkQuerySet) -> Counter[str]:
    links: Counter[str] = Counter()
    held = rows.values_list(*map(_header, TOKENS), "refresh_token_digest")
    for *headers, digest in held.iterator():
        kids = {_kid(header) for header in headers if header is not None}
        links.update(kids | ({digest.partition(":")[0]} if digest else set()))
    return links


def sealed_links() -> BufferLinkQuerySet:
    """The links that hold a token, whatever their status."""
    links = BufferLink.objects.using(BufferLink.written_on())
    return links.exclude(refresh_token=None, access_token=None)


def sealed_revocations() -> PendingRevocationQuerySet:
    """The outbox."""
    return PendingRevocation.objects.using(BufferLink.written_on())


def sealed_requests() -> AuthorizationRequestQuerySet:
    """The authorization requests whose user may still come back."""
    requests = AuthorizationRequest.objects.using(BufferLink.written_on())
    return requests.pending().exclude(verifier=None)


def digested_otherwise(kid: str) -> Q:
    """Whether the digest of a link is by another key than `kid`."""
    start = Substr("refresh_token_digest", 1, len(kid) + 1, output_field=CharField())
    return ~Q(refresh_token_digest="") & ~Q(Exact(start, Value(f"{kid}:")))


def sealed_otherwise(kid: str, *columns: str) -> Q:
    """Whether one of `columns` is sealed with another key than `kid`."""
    return reduce(or_, (~sealed_with(kid, column) for column in columns))


def sealed_with(kid: str, column: str) -> Q:
    """Whether `column` is sealed with the key `kid`."""
    header = header_of(kid)
    start = Substr(column, 1, len(header), output_field=BinaryField())
    return Q(Exact(start, Value(header, output_field=BinaryField())))


def _counted(rows: QuerySet[Any], column: str) -> Counter[str]:
    return Counter(_kid(header) for (header,) in rows.values_list(_header(column)).iterator())


def _header(column: str) -> Substr:
    return Substr(column, 1, HEADER_BYTES, output_field=BinaryField())


def _kid(header: bytes | memoryview) -> str:
    try:
        return kid_of(header)
    except DecryptionFailed:
        return ""
