"""The page's three buttons: the same trouble for the package's link and for the usual code's.

Each ends with one API call in the name of the user, as the site's next task would make it.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, cast

import requests
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone

from buffer_connect.client import BufferClient
from buffer_connect.exceptions import BufferConnectError
from buffer_connect.models import BufferLink, statements
from buffer_connect.tasks import refresh_due_links
from example_project import naive, sandbox_control
from example_project.models import Line, UsualLink

ACCOUNT_QUERY = "{ account { name } }"
# Accounts of their own, so that no link dies of another one's trouble.
USUAL_ACCOUNTS = {False: "account-101", True: "account-102"}

Job = Callable[[], object]


def package_link(user: User) -> BufferLink | None:
    """Return the link of `user` that the page shows: the one connected last."""
    return BufferLink.objects.for_user(user).order_by("-connected_at").first()


def usual_links(user: User) -> list[UsualLink]:
    """Return the links of the usual code, the one without a row lock first."""
    return list(UsualLink.objects.filter(user=user).order_by("row_lock"))


def start_usual_code(user: User) -> None:
    """Give the usual code a fresh grant for each of its two ways."""
    for row_lock, account in USUAL_ACCOUNTS.items():
        issued = sandbox_control.issue(account)
        expires_at = timezone.now() + timedelta(seconds=issued["expires_in"])
        tokens = {name: issued[name] for name in ("access_token", "refresh_token")}
        UsualLink.objects.update_or_create(
            user=user, row_lock=row_lock, defaults={**tokens, "expires_at": expires_at}
        )
    Line.objects.filter(user=user).exclude(card=Line.Card.PACKAGE).delete()


def two_workers(user: User) -> None:
    """Let two workers want the same refresh at the same moment."""
    _let_refresh_come_due(user)
    at_once([job for job in _refreshes(user) for _ in range(2)])
    at_once(_api_calls(user))


def lose_next_answer(user: User) -> None:
    """Let one refresh be carried out at Buffer without its answer arriving."""
    for grant in grants(user).values():
        sandbox_control.lose_next_answer(grant["id"])
    _let_refresh_come_due(user)
    at_once(_refreshes(user))
    at_once(_api_calls(user))


def revoke_at_buffer(user: User) -> None:
    """Remove the site from the Buffer accounts, as their owner could."""
    for grant in grants(user).values():
        sandbox_control.revoke(grant["id"])
    at_once(_api_calls(user))


def grants(user: User) -> dict[str, dict[str, Any]]:
    """Return what is true at the sandbox for each card that has a grant."""
    known = sandbox_control.state()["grants"]
    found: dict[str, dict[str, Any]] = {}
    for link in usual_links(user):
        digest = sandbox_control.digest(link.refresh_token)
        found |= {card_of(link): grant for grant in known if _issued(grant, digest)}
    account = package_account(user)
    for grant in known:
        # The newest one of the account, for those come last.
        if grant["account"] == account:
            found[Line.Card.PACKAGE] = grant
    return found


def package_account(user: User) -> str:
    """Return the Buffer account of the package's link; empty when there is none."""
    link = package_link(user)
    return link.account_id if link else ""


def card_of(link: UsualLink) -> Line.Card:
    """Return the card that tells of `link`."""
    return Line.Card.ROW_LOCK if link.row_lock else Line.Card.USUAL


def _issued(grant: dict[str, Any], digest: str) -> bool:
    return any(token["digest"] == digest for token in grant["refresh_tokens"])


def _let_refresh_come_due(user: User) -> None:
    """The package refreshes before an access token ends, usual code when it has ended."""
    link = package_link(user)
    if link is not None:
        statements.schedule(pk=link.pk)
    UsualLink.objects.filter(user=user).update(expires_at=timezone.now())


def _refreshes(user: User) -> list[Job]:
    return [refresh_due_links, *(partial(use, link, fetch_token) for link in usual_links(user))]


def _api_calls(user: User) -> list[Job]:
    usual = (partial(use, link, call) for link in usual_links(user))
    return [partial(call_with_package, user), *usual]


def call_with_package(user: User) -> None:
    """Call Buffer through the package; note on its card what came."""
    link = package_link(user)
    if link is None:
        return
    try:
        BufferClient(link).execute(ACCOUNT_QUERY)
        text, is_bad = "API call answered", False
    except BufferConnectError as error:
        text, is_bad = f"API call: {type(error).__name__}", True
    Line.objects.create(
        user=user, card=Line.Card.PACKAGE, link_uid=link.uid, text=text, is_bad=is_bad
    )


def fetch_token(link: UsualLink) -> str:
    way = naive.access_token_with_row_lock if link.row_lock else naive.access_token
    way(link.pk)
    return "A worker has its token"


def call(link: UsualLink) -> str:
    way = naive.access_token_with_row_lock if link.row_lock else naive.access_token
    response = requests.post(
        cast("str", settings.BUFFER_CONNECT["API_URL"]),
        json={"query": ACCOUNT_QUERY},
        headers={"Authorization": f"Bearer {way(link.pk)}"},
        timeout=10,
    )
    response.raise_for_status()
    return "API call answered"


def use(link: UsualLink, work: Callable[[UsualLink], str]) -> None:
    """Do the work and note on the link's card what a worker's log would show."""
    try:
        text, is_bad = work(link), False
    except requests.RequestException as error:
        text, is_bad = f"{type(error).__name__}: {error}"[:300], True
    Line.objects.create(user=link.user, card=card_of(link), text=text, is_bad=is_bad)


def at_once(jobs: list[Job]) -> None:
    """Run each job on a thread with database connections of its own, all starting together."""
    start = threading.Barrier(len(jobs))

    def run(job: Job) -> None:
        start.wait()
        try:
            job()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as threads:
        list(threads.map(run, jobs))
