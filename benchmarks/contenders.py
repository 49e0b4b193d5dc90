"""The two that are compared: this package, and a bare loop that protects nothing.

The bare loop is the least that refreshing can be: one `requests.Session`, one SELECT and one
UPDATE a link, plain tokens, no lease, no sealing, no outcome table.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import perf_counter

import requests
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, connections
from django.utils import timezone
from requests.adapters import HTTPAdapter

from benchmarks import site  # noqa: F401 - sets Django up before the models are imported
from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.conf import conf
from buffer_connect.models import BufferLink, PendingRevocation
from buffer_connect.models.link import account_key, sealed_column
from buffer_connect.sealing import Secret

AT_ONCE = 5000
CREATE = """
CREATE TABLE bare_link (
  id integer PRIMARY KEY, refresh_token text, access_token text, expires_at timestamp)
"""
SELECT = "SELECT refresh_token FROM bare_link WHERE id = %s"
UPDATE = """
UPDATE bare_link SET refresh_token = %s, access_token = %s, expires_at = %s WHERE id = %s
"""


def make_links(number: int, *, ended: bool) -> None:
    """Put `number` due links into the database; `ended` says that their access tokens are over."""
    BufferLink.objects.all().delete()
    # A deleted link leaves its token to be revoked, which is not what is measured.
    PendingRevocation.objects.all().delete()
    user, _ = get_user_model().objects.get_or_create(username="benchmarks")
    for first in range(0, number, AT_ONCE):
        rows = [_link(user, n, ended=ended) for n in range(first, min(number, first + AT_ONCE))]
        BufferLink.objects.bulk_create(rows)
    _settle_database()


def _settle_database() -> None:
    """Leave the tables as a site's are: what was deleted is cleared away, statistics are known."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def _link(user: object, number: int, *, ended: bool) -> BufferLink:
    now, token = timezone.now(), Secret(f"refresh-{number:032}")
    link = BufferLink(
        user=user,
        account_key=account_key(str(number)),
        status=BufferLink.Status.ACTIVE,
        connected_at=now - timedelta(hours=1),
        refresh_due_at=now - timedelta(minutes=1),
        expires_at=now + timedelta(minutes=-1 if ended else 14),
        refresh_token_digest=conf.keyring.digest(token, "link refresh token"),
        last_used_at=now,
    )
    for column, secret in (("refresh_token", token), ("access_token", Secret("x" * 700))):
        sealed = sealed_column(column).seal(secret, row=link.uid, epoch=link.epoch)
        setattr(link, column, sealed)
    return link


def sweep(number: int, *, in_flight: int) -> float:
    """Return the seconds in which this package refreshes `number` due links."""
    make_links(number, ended=False)
    return sweep_made(number, in_flight=in_flight)


def sweep_made(number: int, *, in_flight: int) -> float:
    """Return the same for links that are there already."""
    settings.BUFFER_CONNECT["TIMING"] = {"IN_FLIGHT": in_flight, "SENDS_PER_SECOND": 100_000}
    started = perf_counter()
    claimed = flows.sweep(seconds=3600)
    taken = perf_counter() - started
    if (claimed, BufferLink.objects.filter(generation=2).count()) != (number, number):
        raise RuntimeError("A sweep left links behind.")
    return taken


def calls(number: int) -> float:
    """Return the seconds in which `number` callers, one after the other, get a new token each."""
    make_links(number, ended=True)
    links = list(BufferLink.objects.all())
    started = perf_counter()
    for link in links:
        BufferClient(link).get_access_token()
    return perf_counter() - started


def bare(number: int, *, threads: int) -> float:
    """Return the seconds in which the bare loop refreshes `number` links."""
    _make_bare_links(number)
    loop = BareLoop(threads)
    with ThreadPoolExecutor(threads, initializer=connection.ensure_connection) as pool:
        # Threads and connections are made before the clock runs.
        list(pool.map(lambda _: connection.ensure_connection(), range(threads)))
        started = perf_counter()
        work = (
            map(loop.refresh, range(number))
            if threads == 1
            else pool.map(loop.refresh, range(number))
        )
        list(work)
        taken = perf_counter() - started
        list(pool.map(lambda _: connections.close_all(), range(4 * threads)))
    return taken


class BareLoop:
    """Refreshes without any protection."""

    def __init__(self, threads: int) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=threads))

    def refresh(self, number: int) -> None:
        """Read a link, ask for its successor, write it."""
        with connection.cursor() as cursor:
            cursor.execute(SELECT, [number])
            (refresh_token,) = cursor.fetchone()
        tokens = self.session.post(
            conf.token_endpoint,
            data={
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "client_id": "benchmarks",
                "client_secret": "a-secret-of-the-benchmarks",
            },
            timeout=10,
        ).json()
        over = timezone.now() + timedelta(seconds=tokens["expires_in"])
        values = [tokens["refresh_token"], tokens["access_token"], over.replace(tzinfo=None)]
        with connection.cursor() as cursor:
            cursor.execute(UPDATE, [*values, number])


def _make_bare_links(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare_link")
        cursor.execute(CREATE)
        rows = [(n, f"refresh-{n:032}", "x" * 700) for n in range(number)]
        insert = "INSERT INTO bare_link (id, refresh_token, access_token) VALUES (%s, %s, %s)"
        cursor.executemany(insert, rows)
