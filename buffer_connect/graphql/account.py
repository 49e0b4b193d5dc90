"""Whose access token it is: the query for the account, and reading its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import category

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ACCOUNT_QUERY = "query { account { id email name organizations { id name } } }"

LONGEST_ID, LONGEST_NAME, LONGEST_EMAIL = 255, 255, 320


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A Buffer account: whose link it is, and its organizations as dicts of `id` and `name`."""

    id: str
    email: str
    name: str
    organizations: list[dict[str, str]]


def read_account(data: Mapping[str, Any]) -> Account | None:
    """Return the account in the data of `ACCOUNT_QUERY`; None where it has no usable id."""
    account = data.get("account")
    if not isinstance(account, dict) or not is_account_id(account.get("id")):
        return None
    return Account(
        id=account["id"],
        email=_line(account.get("email"), LONGEST_EMAIL),
        name=_line(account.get("name"), LONGEST_NAME),
        organizations=_organizations(account.get("organizations")),
    )


def is_account_id(value: object) -> bool:
    """Return whether `value` can be the id of an account: text that a link can keep."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable()


def _organizations(value: object) -> list[dict[str, str]]:
    found = value if isinstance(value, list) else []
    return [
        {"id": each["id"], "name": _line(each.get("name"), LONGEST_NAME)}
        for each in found
        if isinstance(each, dict) and is_account_id(each.get("id"))
    ]


def _line(value: object, limit: int) -> str:
    # Control characters and lone surrogates, which JSON may hold, are refused by databases.
    text = value if isinstance(value, str) else ""
    return "".join(character for character in text if category(character) not in {"Cc", "Cs"})[
        :limit
    ]
