"""Model fields: a sealed secret, and a list of scopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from buffer_connect.conf import conf
from buffer_connect.sealing import Place

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from buffer_connect.sealing import Secret

    _Bytes = models.BinaryField[bytes | memoryview | None, bytes | memoryview | None]
    _Scopes = models.TextField[Iterable[str], list[str]]
else:
    _Bytes, _Scopes = models.BinaryField, models.TextField


class SealedField(_Bytes):
    """A column of sealed bytes; `purpose` chooses the subkey.

    The value is the sealed bytes and stays so in forms, dumps and lookups; only `open()` gives
    the secret.
    """

    description = "Sealed secret"

    def __init__(self, *args: Any, purpose: str, **kwargs: Any) -> None:
        self.purpose = purpose
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "purpose": self.purpose}

    def place(self, row: UUID, epoch: UUID | None) -> Place:
        """Return where this column's value of `row` lives; `epoch` is None outside of links."""
        return Place(
            purpose=self.purpose,
            table=self.model._meta.db_table,
            column=str(self.column),
            row=row,
            epoch=epoch,
        )

    def seal(self, secret: Secret, *, row: UUID, epoch: UUID | None) -> bytes:
        """Return `secret` sealed for this column of `row`."""
        return conf.keyring.seal(secret, self.place(row, epoch))

    def open(self, blob: bytes | memoryview, *, row: UUID, epoch: UUID | None) -> Secret:
        """Return the secret in `blob`; raises `DecryptionFailed`."""
        return conf.keyring.open(blob, self.place(row, epoch))


class ScopesField(_Scopes):
    """A list of scopes, each once, in the order given.

    Stored with a blank on both sides of each scope, so that `scopes__contains=" posts:write "`
    finds whole scopes on every database.
    """

    description = "List of scopes"

    def from_db_value(self, value: str | None, *_: object) -> list[str] | None:
        return None if value is None else value.split()

    def to_python(self, value: Iterable[str] | None) -> list[str] | None:
        if value is None:
            return None
        return _unique(value.split() if isinstance(value, str) else value)

    def get_prep_value(self, value: Any) -> str | None:
        # A lookup passes its text through: " posts:write " must keep its blanks.
        if value is None or isinstance(value, str):
            return value
        return f" {' '.join(_unique(value))} " if value else ""

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""


def _unique(scopes: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(scopes))
