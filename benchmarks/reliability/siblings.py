"""The links of one Buffer account: what happens to one may decide over another."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from benchmarks.reliability.people import Standing
from benchmarks.reliability.records import Grant, Span
from buffer_connect.models import BufferLink, LinkEvent


class Siblings:
    """Which links share an account, when each was active, and when a token of it went out again."""

    def __init__(
        self, standings: Iterable[Standing], grants: Mapping[tuple[int, str], Grant]
    ) -> None:
        accounts = dict(BufferLink.objects.values_list("pk", "account_key"))
        self._of = {
            link: [other for other in accounts if accounts[other] == key and other != link]
            for link, key in accounts.items()
        }
        self._active: dict[int, list[Span]] = defaultdict(list)
        for standing in standings:
            is_ended = standing.status == BufferLink.Status.REVOKED
            connected_at = grants[standing.link, standing.epoch].tokens[0].issued_at
            over = standing.changed_at if is_ended else standing.at
            self._active[standing.link].append(Span(start=connected_at, end=over))
        resent = LinkEvent.objects.filter(kind=LinkEvent.Kind.RESENT)
        self._resent: dict[int | None, list[float]] = defaultdict(list)
        for link, moment in resent.values_list("link", "created_at"):
            self._resent[link].append(moment.timestamp())

    def has_active(self, link: int, moment: float) -> bool:
        """Return whether another link of the account was active at `moment`."""
        return any(span.holds(moment) for other in self._of[link] for span in self._active[other])

    def was_resent(self, link: int, *, since: float, until: float) -> bool:
        """Return whether a token of `link` went out again since then, or of a sibling ever before."""
        return any(since <= moment <= until for moment in self._resent[link]) or any(
            moment <= until for other in self._of[link] for moment in self._resent[other]
        )
