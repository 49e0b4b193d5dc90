"""Sealing: how secrets are stored (AES-256-GCM, one subkey per row and purpose).

A sealed value is `version(1) | len(kid)(1) | kid | nonce(12) | ciphertext and tag(16)`. The key
id in it chooses the key. The associated data binds it to its table, column, row and epoch, so that
a value copied to another place does not open.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from buffer_connect.exceptions import KeyUnavailable, Tampered, UnknownVersion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

VERSION = 1
SALT = b"buffer_connect/v1"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
# Version, length and the longest id: enough of a sealed value to tell its key.
HEADER_BYTES = 34
# 32 random bytes have about 30 different values; fewer than 16 come from a pattern, not by chance.
LEAST_DIFFERENT_BYTES = 16

_KID = re.compile(r"[A-Za-z0-9._-]{1,32}")
_CURE = (
    "If it has sealed anything, put its right value back; another key under this id opens nothing. "
    "If not, manage.py buffer_generate_key prints an entry to put in its place."
)


class InvalidKeys(ValueError):
    """The key entries cannot be used; the text says what to do and holds no key."""


class Secret:
    """A string that shows itself only to `reveal()`: not in repr, str, pickle or JSON."""

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("A Secret holds a str.")
        self._value = value

    def reveal(self) -> str:
        """Return the string; only where a request is built or a value is sealed."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_encode(self), _encode(other))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A Secret cannot be pickled.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sealed value lives; it opens nowhere else. `purpose` chooses the subkey."""

    purpose: str
    table: str
    column: str
    row: UUID
    epoch: UUID | None = None


class Keyring:
    """The root keys by their ids. The first one seals, the id in a sealed value tells which opens."""

    __slots__ = ("_digest_keys", "_roots", "kid")

    def __init__(self, roots: dict[str, bytes]) -> None:
        self._roots = roots
        self._digest_keys: dict[tuple[str, str], bytes] = {}
        self.kid = next(iter(roots))

    @classmethod
    def parse(cls, entries: Sequence[str]) -> Keyring:
        """Return the keyring of `kid:base64` entries, the sealing one first.

        Raises `InvalidKeys`, with a text that says what to do, for no entry at all, an entry
        without an id, a key that is not 32 random bytes, and an id or a key that comes twice.
        """
        if isinstance(entries, str) or not entries:
            raise InvalidKeys("List at least one key; manage.py buffer_generate_key prints one.")
        return _keyring(tuple(entry if isinstance(entry, str) else "" for entry in entries))

    @property
    def kids(self) -> tuple[str, ...]:
        """Return the ids of all keys, the sealing one first."""
        return tuple(self._roots)

    def __repr__(self) -> str:
        return f"Keyring(kids={self.kids})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A Keyring cannot be pickled.")

    def seal(self, secret: Secret, place: Place) -> bytes:
        """Return `secret` sealed for `place` with the first key."""
        header = header_of(self.kid)
        nonce = os.urandom(NONCE_BYTES)
        cipher = AESGCM(self._subkey(self.kid, place.purpose.encode(), place.row.bytes))
        sealed = cipher.encrypt(nonce, _encode(secret), _associated_data(header, place))
        return header + nonce + sealed

    def open(self, blob: bytes | memoryview, place: Place) -> Secret:
        """Return the secret that `blob` holds.

        Raises `UnknownVersion`, `KeyUnavailable` when its key is not on this ring, and
        `Tampered` when it was changed or was not sealed for `place`.
        """
        blob = bytes(blob)
        kid = kid_of(blob)
        header = header_of(kid)
        nonce, sealed = _split(blob[len(header) :])
        cipher = AESGCM(self._subkey(kid, place.purpose.encode(), place.row.bytes))
        try:
            opened = cipher.decrypt(nonce, sealed, _associated_data(header, place))
        except InvalidTag:
            raise Tampered from None
        return Secret(opened.decode("utf-8", "surrogatepass"))

    def digest(self, secret: Secret, purpose: str) -> str:
        """Return `kid:hex`, an HMAC-SHA256 of `secret` that is the same in every row."""
        return self._digest(self.kid, secret, purpose)

    def digests(self, secret: Secret, purpose: str) -> list[str]:
        """Return the digests of `secret` by every key: a row may hold any of them."""
        return [self._digest(kid, secret, purpose) for kid in self.kids]

    def verify_digest(self, digest: str, secret: Secret, purpose: str) -> bool:
        """Return whether `digest` is of `secret`; raises `KeyUnavailable` without its key."""
        kid, _, expected = digest.partition(":")
        actual = self._hmac(kid, secret, purpose)
        return hmac.compare_digest(actual.encode(), expected.encode())

    def _digest(self, kid: str, secret: Secret, purpose: str) -> str:
        return f"{kid}:{self._hmac(kid, secret, purpose)}"

    def _hmac(self, kid: str, secret: Secret, purpose: str) -> str:
        key = self._digest_keys.get((kid, purpose))
        if key is None:
            key = self._digest_keys[kid, purpose] = self._subkey(kid, purpose.encode())
        return hmac.digest(key, _encode(secret), "sha256").hex()

    def _subkey(self, kid: str, *context: bytes) -> bytes:
        if kid not in self._roots:
            raise KeyUnavailable(kid)
        info = _length_prefixed(kid.encode(), *context)
        return HKDF(SHA256(), KEY_BYTES, SALT, info).derive(self._roots[kid])


def kid_of(blob: bytes | memoryview) -> str:
    """Return the id of the key that sealed `blob`; raises `UnknownVersion` or `Tampered`."""
    blob = bytes(blob)
    if blob[:1] and blob[0] != VERSION:
        raise UnknownVersion(blob[0])
    kid = blob[2 : 2 + blob[1]] if len(blob) > 1 else b""
    if not (kid.isascii() and _KID.fullmatch(kid.decode("ascii", "replace"))):
        raise Tampered
    return kid.decode("ascii")


def header_of(kid: str) -> bytes:
    """Return what every value begins with that the key `kid` seals, and no other value."""
    return bytes([VERSION, len(kid)]) + kid.encode("ascii")


def generate_entry(kid: str) -> str:
    """Return a new entry for `ENCRYPTION_KEYS`; raises `InvalidKeys` for an unusable id."""
    if _KID.fullmatch(kid) is None:
        raise InvalidKeys("A key id is 1 to 32 letters, digits, dots, dashes or underscores.")
    return f"{kid}:{base64.b64encode(os.urandom(KEY_BYTES)).decode('ascii')}"


@lru_cache(maxsize=4)
def _keyring(entries: tuple[str, ...]) -> Keyring:
    roots: dict[str, bytes] = {}
    for position, entry in enumerate(entries, start=1):
        kid, root = _parse_entry(position, entry)
        if kid in roots:
            raise InvalidKeys(f"Give entry {position} an id of its own: {kid} is taken.")
        if root in roots.values():
            raise InvalidKeys(f"Remove entry {position} ({kid}): its key has another id too.")
        roots[kid] = root
    return Keyring(roots)


def _parse_entry(position: int, entry: str) -> tuple[str, bytes]:
    kid, colon, encoded = entry.strip().partition(":")
    if not colon or _KID.fullmatch(kid) is None:
        raise InvalidKeys(f"Write entry {position} as kid:base64, with an id such as 2026-11.")
    root = _decode(encoded)
    if len(root) != KEY_BYTES:
        raise InvalidKeys(
            f"Correct entry {position} ({kid}): after the colon comes the base64 of 32 random "
            f"bytes. {_CURE}"
        )
    if len(set(root)) < LEAST_DIFFERENT_BYTES or all(0x20 <= byte < 0x7F for byte in root):
        raise InvalidKeys(
            f"Correct entry {position} ({kid}): its bytes are a text or a pattern, not random. "
            f"{_CURE}"
        )
    return kid, root


def _decode(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _encode(secret: Secret) -> bytes:
    # Lone surrogates pass, so that any str makes the round trip.
    return secret.reveal().encode("utf-8", "surrogatepass")


def _split(rest: bytes) -> tuple[bytes, bytes]:
    if len(rest) < NONCE_BYTES + TAG_BYTES:
        raise Tampered
    return rest[:NONCE_BYTES], rest[NONCE_BYTES:]


def _associated_data(header: bytes, place: Place) -> bytes:
    return _length_prefixed(
        header,
        place.table.encode(),
        place.column.encode(),
        place.row.bytes,
        place.epoch.bytes if place.epoch else b"",
    )


def _length_prefixed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
