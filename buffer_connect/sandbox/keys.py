"""API keys: bearer tokens of one account, without scopes, and without an end but deletion."""

import threading
import uuid
from dataclasses import dataclass, field, replace

from buffer_connect.sandbox.minting import new_api_key
from buffer_connect.sandbox.options import SCOPES


@dataclass(slots=True, kw_only=True)
class APIKey:
    """One key; it stays in the table when it was deleted."""

    id: str
    account: str
    value: str = field(repr=False)
    is_deleted: bool = False


class KeyTable:
    """The API keys of all accounts, in memory. Every method is atomic under one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, APIKey] = {}

    def issue(self, account: str) -> str:
        """Make a key, as its owner would in the settings."""
        key = APIKey(id=str(uuid.uuid4()), account=account, value=new_api_key())
        with self._lock:
            self._keys[key.value] = key
        return key.value

    def delete(self, value: str) -> bool:
        """Delete a key, as its owner would; False when it is unknown or deleted already."""
        with self._lock:
            key = self._keys.get(value)
            if key is None or key.is_deleted:
                return False
            key.is_deleted = True
            return True

    def bearer(self, value: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the account of a key, and every scope there is: a key may do all."""
        with self._lock:
            key = self._keys.get(value)
            return None if key is None or key.is_deleted else (key.account, SCOPES)

    def id_of(self, value: str) -> str | None:
        """Return the id of a key, also of a deleted one."""
        with self._lock:
            key = self._keys.get(value)
            return key.id if key else None

    def snapshot(self) -> list[APIKey]:
        """Return copies of all keys, oldest first."""
        with self._lock:
            return [replace(key) for key in self._keys.values()]
