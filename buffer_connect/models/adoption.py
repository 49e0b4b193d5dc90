"""Tokens that a site obtained elsewhere become a link."""

import math
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.views.decorators.debug import sensitive_variables

from buffer_connect.graphql import Account, is_account_id
from buffer_connect.models.granted import Granted
from buffer_connect.oauth.lives import YEAR
from buffer_connect.oauth.token import is_token
from buffer_connect.scopes import is_scope
from buffer_connect.sealing import Secret

if TYPE_CHECKING:
    from buffer_connect.models.link import BufferLink


class AdoptingQuerySet(models.QuerySet["BufferLink"]):
    # Makes the link and tells the site. Flows do that, a floor above; the app config brings them.
    keep: ClassVar[Callable[[Any, Granted], "BufferLink"]]

    @sensitive_variables("access_token", "refresh_token")
    def adopt(
        self,
        *,
        user: Any,
        account_id: str,
        access_token: str,
        refresh_token: str | None,
        expires_in: float,
        scopes: Iterable[str],
    ) -> "BufferLink":
        """Make or renew the link of `user` and a Buffer account with tokens obtained elsewhere.

        `account_id` is Buffer's id of the account; `expires_in` the seconds that `access_token`
        has left, which may be none where there is a `refresh_token`; `scopes` what was granted.
        From now on only this link may use `refresh_token`, for it works once: what this site has used
        already must not come again. An active link that holds it stays as it is. No request is sent,
        so nothing is known of the tokens but what is said here. Inside `atomic()` the link comes
        with the commit, and `link_connected` after it. Returns the link as it is stored; raises
        `ValueError` for what cannot be a link.
        """
        granted = grant(
            account_id=account_id,
            access_token=access_token,
            refresh_token=refresh_token,
            expires_in=expires_in,
            scopes=scopes,
        )
        if getattr(user, "pk", None) is None or user._state.adding:
            raise ValueError("user has to be a saved user of this site.")
        return AdoptingQuerySet.keep(user, granted)


@sensitive_variables("access_token", "refresh_token")
def grant(
    *,
    account_id: str,
    access_token: str,
    refresh_token: str | None,
    expires_in: float,
    scopes: Iterable[str],
) -> Granted:
    """Return what `adopt` would keep. Raises `ValueError` for what cannot be a link."""
    return Granted(
        account=Account(id=_account_id(account_id), email="", name="", organizations=[]),
        access_token=_token("access_token", access_token),
        refresh_token=None if refresh_token is None else _token("refresh_token", refresh_token),
        scopes=_scopes(scopes),
        life=_life(expires_in, ended_is_fine=refresh_token is not None),
        sent_at=monotonic(),
    )


def _account_id(value: str) -> str:
    if not is_account_id(value):
        raise ValueError("account_id has to be Buffer's id of the account, a str.")
    return value


@sensitive_variables("value")
def _token(name: str, value: str) -> Secret:
    if not is_token(value):
        hint = "; None where there is none" if name == "refresh_token" else ""
        raise ValueError(f"{name} has to be a str of visible ASCII characters{hint}.")
    return Secret(value)


def _life(value: float, *, ended_is_fine: bool) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise ValueError("expires_in has to be a number of seconds.")
    if value <= 0 and not ended_is_fine:
        raise ValueError("expires_in is over, and there is no refresh_token to go on with.")
    return min(max(int(value), 0), YEAR)


def _scopes(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise ValueError("scopes has to be a list of str, one scope each.")
    scopes = tuple(values)
    if not all(is_scope(scope) for scope in scopes):
        raise ValueError("scopes has to be a list of str such as 'posts:read'.")
    return scopes
