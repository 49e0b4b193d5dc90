"""C and R: what a user granted, or pasted, becomes a link or renews the one that is there."""

from time import monotonic
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction

from buffer_connect.conf import conf
from buffer_connect.fields import ScopesField
from buffer_connect.flows.refresh.claim import DIGEST_PURPOSE
from buffer_connect.flows.refresh.policy import due_in, rests
from buffer_connect.graphql import Account
from buffer_connect.models import BufferLink, LinkEvent, statements
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.contention import is_contention
from buffer_connect.models.granted import Granted
from buffer_connect.models.link import account_key, sealed_column
from buffer_connect.sealing import Secret

TRIES = 3


def store(user_id: Any, granted: Granted) -> LinkEvent:
    """Make or renew the link of the user, the account and the kind, and return its event.

    What a commit has stored of which nobody heard is stored once. Of two at once for one account
    the later one stays; the tokens of the earlier are not revoked, for both may live on one grant.
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
    if event := _event_of(user_id, granted):
        return event
    link, created = _row(user_id, granted)
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


def _event_of(user_id: Any, granted: Granted) -> LinkEvent | None:
    events = LinkEvent.objects.using(BufferLink.written_on())
    return events.filter(
        link__user_id=user_id, kind=LinkEvent.Kind.CONNECTED, epoch=granted.epoch
    ).first()


def _row(user_id: Any, granted: Granted) -> tuple[BufferLink, bool]:
    """C: the row of this user, account and kind, empty where it is new."""
    is_key = granted.is_api_key
    identity = {
        "user_id": user_id,
        "kind": BufferLink.Kind.API_KEY if is_key else BufferLink.Kind.OAUTH,
        "account_key": account_key(granted.account.id),
    }
    links = BufferLink.objects.as_held()
    if link := links.filter(**identity).first():
        return link, False
    ended_at = None if is_key else DatabaseNow()
    empty = {"status": BufferLink.Status.DISCONNECTED, "expires_at": ended_at}
    return links.create(**identity, **empty), True


def _values(link: BufferLink, granted: Granted) -> dict[str, Any]:
    """R's values: a new epoch, and what is sealed for it."""
    epoch, keyring = granted.epoch, conf.keyring
    life = (granted.life or 0) - (monotonic() - granted.sent_at)
    token = granted.refresh_token

    def sealed(column: str, secret: Secret) -> bytes:
        return keyring.seal(secret, sealed_column(column).place(row=link.uid, epoch=epoch))

    return {
        "epoch": epoch,
        "access_token": sealed("access_token", granted.access_token),
        "refresh_token": sealed("refresh_token", token) if token else None,
        "digest": keyring.digest(token, DIGEST_PURPOSE) if token else "",
        "life": life,
        # Of a refresh token whose access token is over nobody knows how long it was idle.
        "due_in": due_in(life, rests=bool(granted.life) and rests(link.unused_for)),
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
