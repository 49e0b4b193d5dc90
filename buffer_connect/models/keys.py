"""Which keys the rows are sealed with; read from the sealed values, which need not be opened."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import BinaryField
from django.db.models.functions import Substr

from buffer_connect.exceptions import DecryptionFailed
from buffer_connect.models.link import BufferLink
from buffer_connect.models.outbox import PendingRevocation
from buffer_connect.sealing import HEADER_BYTES, kid_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """How many rows need the key `kid`; the `kid` of values that name no key is empty."""

    kid: str
    links: int
    revocations: int


def keys_in_use() -> list[KeyUse]:
    """Return the use of every key that some row needs. Memory does not grow with the rows."""
    database = BufferLink.written_on()
    links: Counter[str] = Counter()
    held = BufferLink.objects.using(database).exclude(refresh_token=None, access_token=None)
    columns = _header("refresh_token"), _header("access_token"), "refresh_token_digest"
    for *headers, digest in held.values_list(*columns).iterator():
        kids = {_kid(header) for header in headers if header is not None}
        links.update(kids | ({digest.partition(":")[0]} if digest else set()))
    outbox = PendingRevocation.objects.using(database).values_list(_header("token"))
    revocations = Counter(_kid(header) for (header,) in outbox.iterator())
    return [
        KeyUse(kid=kid, links=links[kid], revocations=revocations[kid])
        for kid in sorted(links.keys() | revocations.keys())
    ]


def _header(column: str) -> Substr:
    return Substr(column, 1, HEADER_BYTES, output_field=BinaryField())


def _kid(header: bytes | memoryview) -> str:
    try:
        return kid_of(header)
    except DecryptionFailed:
        return ""
