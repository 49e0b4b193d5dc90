"""Links for the tests: made through the statements, aged by moving the row's times."""

import uuid
from datetime import timedelta
from time import monotonic

from django.db.models import F
from django.utils import timezone

from buffer_connect.conf import conf
from buffer_connect.fields import ScopesField
from buffer_connect.flows.connect.store import store as make_link
from buffer_connect.graphql import Account
from buffer_connect.models import BufferLink, statements
from buffer_connect.models.granted import Granted
from buffer_connect.models.link import account_key, sealed_column
from buffer_connect.sealing import Secret

TIMES = (
    "expires_at",
    "refresh_due_at",
    "connected_at",
    "last_refreshed_at",
    "last_used_at",
    "next_attempt_at",
    "lease_until",
    "sent_at",
    "sent_ended_at",
    "forced_at",
    "anomaly_at",
    "status_changed_at",
)


def link_to(sandbox, user, *, account="account-1", refreshable=True, **scopes):
    """Give `user` a link that holds what `sandbox` issues for `account`."""
    issued = sandbox.issue(account=account, **scopes)
    link, _ = BufferLink.objects.get_or_create(
        user=user,
        kind=BufferLink.Kind.OAUTH,
        account_key=account_key(account),
        defaults={"status": BufferLink.Status.DISCONNECTED, "expires_at": timezone.now()},
    )
    tokens = {"access_token": issued.access_token, "refresh_token": issued.refresh_token}
    store(link, tokens if refreshable else {**tokens, "refresh_token": None}, issued)
    return BufferLink.objects.get(pk=link.pk)


def store(link, tokens, issued):
    epoch = uuid.uuid4()

    def sealed(column):
        if tokens[column] is None:
            return None
        return sealed_column(column).seal(Secret(tokens[column]), row=link.uid, epoch=epoch)

    refresh_token = tokens["refresh_token"]
    statements.reconnect(
        pk=link.pk,
        epoch=epoch,
        refresh_token=sealed("refresh_token"),
        access_token=sealed("access_token"),
        digest=digest_of(refresh_token),
        life=float(issued.expires_in),
        due_in=issued.expires_in * 0.75,
        scopes=ScopesField().get_prep_value(["account:read", "posts:read", "offline_access"]),
        refreshable=int(refresh_token is not None),
    )


def key_of(sandbox, user, *, account="account-1"):
    """Give `user` a link by an API key, which `sandbox` issues for `account`."""
    granted = Granted(
        account=Account(id=account, email="", name="", organizations=[]),
        access_token=Secret(sandbox.issue_key(account)),
        refresh_token=None,
        scopes=(),
        life=None,
        sent_at=monotonic(),
    )
    return make_link(user.pk, granted).link


def digest_of(refresh_token):
    if refresh_token is None:
        return ""
    return conf.keyring.digest(Secret(refresh_token), "link refresh token")


def age(link, **by):
    """Let time pass for a row: move all its times back by a timedelta's arguments."""
    passed = timedelta(**by)
    rows = BufferLink.objects.filter(pk=link.pk)
    for name in TIMES:
        rows.exclude(**{name: None}).update(**{name: F(name) - passed})
    return BufferLink.objects.get(pk=link.pk)


def make_due(link):
    statements.schedule(pk=link.pk)


def due_links(sandbox, user, number, of="account"):
    """Make so many links that are due, each of an account of its own."""
    links = [link_to(sandbox, user, account=f"{of}-{n}") for n in range(1, number + 1)]
    for link in links:
        make_due(link)
    return links


def held(link):
    return BufferLink.objects.as_held().get(pk=link.pk)


def tokens_of(link):
    link = held(link)
    return tuple(
        token and token.reveal() for token in (link.open_access_token(), link.open_refresh_token())
    )
