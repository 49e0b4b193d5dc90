"""C and R: what a user granted becomes a link, or renews the one that is there."""

import random
from time import monotonic
from typing import Any
from uuid import uuid4

from django.db import DatabaseError, IntegrityError, transaction

from buffer_connect.conf import conf
from buffer_connect.fields import ScopesField
from buffer_connect.flows.refresh.claim import DIGEST_PURPOSE
from buffer_connect.graphql import Account
from buffer_connect.models import BufferLink, LinkEvent, statements
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.contention import is_contention
from buffer_connect.models.granted import Granted
from buffer_connect.models.link import account_key, sealed_column
from buffer_connect.oauth import lives
from buffer_connect.sealing import Secret

TRIES = 3


def store(user_id: Any, granted: Granted) -> LinkEvent:
    """Make or renew the link of the user and the account, and return its event.

    Of two at once for one account the later one stays; the tokens of the earlier are not revoked,
    for both may live on one grant.
    """
    tries_left = TRIES
    while True:
        tries_left -= 1
        try:
            with transaction.atomic(using=BufferLink.written_on()):
                return _stored(user_id, granted)
        except DatabaseError as error:
            if not tries_left or not (isinstance(error, IntegrityError) or is_contention(error)):
                raise


def _stored(user_id: Any, granted: Granted) -> LinkEvent:
    link, created = _row(user_id, granted.account)
    values = _values(link, granted)
    statements.reconnect(pk=link.pk, **values)
    _write_profile(link, granted.account)
    return LinkEvent.objects.record(
        LinkEvent.Kind.CONNECTED,
        link=link.pk,
        epoch=values["epoch"],
        generation=1,
        created=created,
    )


def _row(user_id: Any, account: Account) -> tuple[BufferLink, bool]:
    """C: the row of this user and account, empty where it is new."""
    identity = {
        "user_id": user_id,
        "kind": BufferLink.Kind.OAUTH,
        "account_key": account_key(account.id),
    }
    links = BufferLink.objects.using(BufferLink.written_on())
    if link := links.filter(**identity).first():
        return link, False
    empty = {"status": BufferLink.Status.DISCONNECTED, "expires_at": DatabaseNow()}
    return links.create(**identity, **empty), True


def _values(link: BufferLink, granted: Granted) -> dict[str, Any]:
    """R's values: a new epoch, and what is sealed for it."""
    epoch, keyring = uuid4(), conf.keyring
    life = granted.life - (monotonic() - granted.sent_at)
    token = granted.refresh_token

    def sealed(column: str, secret: Secret) -> bytes:
        return keyring.seal(secret, sealed_column(column).place(row=link.uid, epoch=epoch))

    return {
        "epoch": epoch,
        "access_token": sealed("access_token", granted.access_token),
        "refresh_token": sealed("refresh_token", token) if token else None,
        "digest": keyring.digest(token, DIGEST_PURPOSE) if token else "",
        "life": life,
        "due_in": lives.due_in(life, margin=conf.timing.margin, random=random.random),
        "scopes": ScopesField().get_prep_value(granted.scopes),
        "refreshable": 1 if token else 0,
    }


def _write_profile(link: BufferLink, account: Account) -> None:
    """Write what is known of the account; what is not said now stays as it was known before."""
    said = {
        "account_id": account.id,
        "account_email": account.email,
        "account_name": account.name,
        "organizations": account.organizations,
    }
    links = BufferLink.objects.using(BufferLink.written_on()).filter(pk=link.pk)
    links.update(**{column: value for column, value in said.items() if value})
