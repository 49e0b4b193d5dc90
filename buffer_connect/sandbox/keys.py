"""API keys: bearer tokens of one account, without scopes, and without an end but deletion."""

import threading

from buffer_connect.sandbox.minting import new_api_key
from buffer_connect.sandbox.options import SCOPES


class KeyTable:
    """The API keys of all accounts, in memory. Every method is atomic under one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accounts: dict[str, str] = {}

    def issue(self, account: str) -> str:
        """Make a key, as its owner would in the settings."""
        key = new_api_key()
        with self._lock:
            self._accounts[key] = account
        return key

    def delete(self, key: str) -> bool:
        """Delete a key, as its owner would; False when it is unknown."""
        with self._lock:
            return self._accounts.pop(key, None) is not None

    def bearer(self, key: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the account of a key, and every scope there is: a key may do all."""
        with self._lock:
            account = self._accounts.get(key)
        return None if account is None else (account, SCOPES)
