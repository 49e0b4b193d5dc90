"""What a page has to tell on the links page, kept in the session until that is seen."""

from collections.abc import Iterable
from dataclasses import asdict

from django.http import HttpRequest

from buffer_connect import wording
from buffer_connect.flows.connect import Notice

KEPT_AS = "buffer_connect_notices"


def leave(request: HttpRequest, notices: Iterable[Notice]) -> None:
    """Keep notices for the links page, in place of what an earlier page has left."""
    request.session[KEPT_AS] = [asdict(notice) for notice in notices]


def take(request: HttpRequest) -> list[dict[str, str]]:
    """Return what was left, in words, and forget it."""
    if KEPT_AS not in request.session:
        return []
    left = request.session.pop(KEPT_AS)
    # A session outlives a release, and what that release could tell.
    known = [each for each in left if each["tell"] in wording.NOTICES]
    return [wording.notice(Notice(**each)) for each in known]
