"""What an operator says after the database was moved, renamed or restored from a backup."""

from collections.abc import Callable

from django.db.models import Count

from buffer_connect.conf import conf
from buffer_connect.models import BufferLink, PendingRevocation, statements
from buffer_connect.models.link import BufferLinkQuerySet

# Rows that one statement holds; sweeps go on beside it.
AT_ONCE = 1000


def adoptable() -> dict[str, int]:
    """Return how many links `adopt_all` would take over, by the instance that they belong to."""
    counted = _others().order_by("instance").values_list("instance").annotate(Count("pk"))
    return dict(counted)


def adopt_all() -> int:
    """Let all links, and what Buffer is owed, belong to this INSTANCE; return how many links did not.

    Only for when no other site uses this database or a copy of it: two that refresh one link end it.
    """
    taken = _in_batches(_others(), statements.adopt)
    owed = PendingRevocation.objects.using(BufferLink.written_on())
    owed.exclude(instance=conf.instance).update(instance=conf.instance)
    return taken


def mark_restored() -> int:
    """Note on all active OAuth links that the database was restored; return how many they are.

    Refresh tokens that were given out after the backup are lost, and a link whose token is refused
    for that ends as `cloned_or_restored`. A refresh that works takes the mark away.
    """
    links = BufferLink.objects.using(BufferLink.written_on()).active()
    return _in_batches(links.filter(kind=BufferLink.Kind.OAUTH), statements.mark_restored)


def _others() -> BufferLinkQuerySet:
    return BufferLink.objects.using(BufferLink.written_on()).exclude(instance=conf.instance or "")


def _in_batches(links: BufferLinkQuerySet, step: Callable[..., int]) -> int:
    changed, last = 0, 0
    while ids := _ids(links.filter(pk__gt=last)):
        changed += step(ids=ids)
        last = ids[-1]
    return changed


def _ids(links: BufferLinkQuerySet) -> list[int]:
    return list(links.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
