"""Ending links: those that are disconnected, and those that are deleted."""

from collections.abc import Iterable
from contextlib import suppress
from time import monotonic

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from buffer_connect.admin.outcomes import Outcome, tell
from buffer_connect.exceptions import DecryptionFailed, TokenUnavailable
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.flows.instance import OfAnotherInstance
from buffer_connect.models import BufferLink

# Seconds. A request to Buffer takes 5 at most here; servers commonly end a request after 30.
TELLS_BUFFER_FOR = 20.0


def end(request: HttpRequest, link: BufferLink) -> Outcome:
    """D, and Buffer is told."""
    opens = _opens(link)
    try:
        revoked = disconnect(link, request=request)
    except OfAnotherInstance:
        return Outcome.ELSEWHERE
    except TokenUnavailable:
        return Outcome.CHANGING
    if revoked is not None:
        return Outcome.REVOKED if revoked else Outcome.OWED
    return Outcome.NOTHING_TO_REVOKE if opens else Outcome.LOST


def delete(request: HttpRequest, links: Iterable[BufferLink]) -> None:
    """Disconnect each of `links`, then delete it; call it outside of any transaction.

    When Buffer takes too long, the tokens of the rest go into the outbox with the deletion.
    """
    started, lost = monotonic(), 0
    for link in links:
        lost += not _opens(link)
        if monotonic() - started < TELLS_BUFFER_FOR:
            with suppress(TokenUnavailable):
                disconnect(link, request=request)
        # As it stands now: the object in hand may still hold the token that is revoked.
        BufferLink.objects.using(BufferLink.written_on()).filter(pk=link.pk).delete()
    tell(request, {Outcome.LOST: lost})


def _opens(link: BufferLink) -> bool:
    """Whether nothing is lost when `link` ends: its refresh token opens, or there is none."""
    row = BufferLink.objects.as_held().filter(pk=link.pk).first()
    try:
        return row is None or row.refresh_token is None or bool(row.open_refresh_token())
    except (DecryptionFailed, ImproperlyConfigured):
        return False
