"""K: the same secrets, sealed with another key.

Each changes a row only while it holds what was read, so it loses to whatever came in between. One
that a crash of the database undoes has only to be done again.
"""

from typing import Any
from uuid import UUID

from buffer_connect.models.statements.statement import Statement

_LINK = """
UPDATE {link} SET refresh_token = %(refresh_token)s, access_token = %(access_token)s,
  refresh_token_digest = %(digest)s
WHERE id = %(pk)s AND epoch = %(epoch)s AND generation = %(generation)s AND {unflushed}
"""
_STILL = {
    column: {True: f"{column} = %(old_{column})s", False: f"{column} IS NULL"}
    for column in ("refresh_token", "access_token")
}
# By whether a refresh token was read, and whether an access token was: one of them at least.
_link = {
    (refresh, access): Statement(
        f"{_LINK} AND {_STILL['refresh_token'][refresh]} AND {_STILL['access_token'][access]}"
    )
    for refresh, access in ((True, True), (True, False), (False, True))
}

_revocation = Statement("""
UPDATE {revocation} SET token = %(token)s
WHERE id = %(pk)s AND token = %(old_token)s AND {unflushed}
""")

_request = Statement("""
UPDATE {request} SET verifier = %(verifier)s
WHERE id = %(pk)s AND verifier = %(old_verifier)s AND {unflushed}
""")


def reseal_link(*, pk: int, epoch: UUID, generation: int, **values: Any) -> int:
    """K for a link; 0 when it has moved on.

    `values` are `refresh_token` and `access_token`, `old_refresh_token` and `old_access_token` (bytes,
    or None where there is none), and `digest`.
    """
    read = values["old_refresh_token"] is not None, values["old_access_token"] is not None
    return _link[read].if_free(pk=pk, epoch=epoch, generation=generation, **values)


def reseal_revocation(*, pk: int, token: bytes, old_token: bytes) -> int:
    """K for a row of the outbox; 0 when it is gone."""
    return _revocation.if_free(pk=pk, token=token, old_token=old_token)


def reseal_request(*, pk: int, verifier: bytes, old_verifier: bytes) -> int:
    """K for the verifier of an unfinished connect; 0 when that is over."""
    return _request.if_free(pk=pk, verifier=verifier, old_verifier=old_verifier)
