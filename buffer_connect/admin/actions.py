"""What staff may ask for: refresh now, check again, disconnect.

Each is logged for each link. What goes out to Buffer goes link by link and stops before a web
server's time limit: how many are left is said, and they can be chosen again.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.models import CHANGE
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from buffer_connect.admin import confirmation, ending, journal, outcomes, standing, sweeps
from buffer_connect.admin.outcomes import LOGGED, Outcome
from buffer_connect.exceptions import (
    BufferUnavailable,
    DecryptionFailed,
    LinkRevoked,
    RateLimited,
    TokenUnavailable,
)
from buffer_connect.flows import check
from buffer_connect.flows.instance import OfAnotherInstance
from buffer_connect.models import BufferLink, statements
from buffer_connect.models.clock import DatabaseNow

if TYPE_CHECKING:
    from buffer_connect.models.link import BufferLinkQuerySet

# Seconds. The last one begun may take 20 more; servers commonly end a request after 30.
GOES_ON_FOR = 10.0
# Links that one statement schedules.
AT_ONCE = 500
# Who does not answer about one link does not answer about the next.
FINAL = {Outcome.NOT_CHECKED}

Links = QuerySet[BufferLink]
Act = Callable[[HttpRequest, BufferLink], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An action that asks first: what it does to each link, and what it says of those left out."""

    question: confirmation.Question
    act: Act
    left_out: Outcome


@admin.action(permissions=["operate"], description=_("Refresh now"))
def refresh_now(modeladmin: Any, request: HttpRequest, queryset: Links) -> None:
    """S for each; the next sweep does the rest. What is due already keeps its place."""
    links = cast("BufferLinkQuerySet", queryset)
    ours, elsewhere = links.ours(), links.elsewhere()
    active = ours.active()
    due = list(active.filter(refresh_due_at__lte=DatabaseNow()))
    later = active.filter(refresh_due_at__gt=DatabaseNow())
    waiting = list(later.annotate(waits=standing.WAITS))
    found = Counter({Outcome.DUE_ALREADY: len(due), Outcome.ELSEWHERE: elsewhere.count()})
    found[Outcome.NOT_REFRESHABLE] = ours.count() - len(waiting) - len(due)
    journal.write(request, due, CHANGE, str(LOGGED[Outcome.DUE_ALREADY]))
    for some in _grouped(waiting):
        found += _schedule(request, some)
    outcomes.tell(request, found)
    sweeps.tell_next(request)


@admin.action(permissions=["operate"], description=_("Check again"))
def check_again(modeladmin: Any, request: HttpRequest, queryset: Links) -> HttpResponse | None:
    """U2 for those that ended `unauthorized`."""
    unauthorized = {"status": BufferLink.Status.REVOKED, "reason": BufferLink.Reason.UNAUTHORIZED}
    step = Step(question=confirmation.CHECK, act=_check, left_out=Outcome.NOT_CHECKABLE)
    return _asked_first(modeladmin, request, queryset, queryset.filter(**unauthorized), step)


@admin.action(permissions=["operate"], description=_("Disconnect"))
def disconnect(modeladmin: Any, request: HttpRequest, queryset: Links) -> HttpResponse | None:
    """D for each, and Buffer is told."""
    connected = queryset.exclude(status=BufferLink.Status.DISCONNECTED)
    step = Step(question=confirmation.DISCONNECT, act=ending.end, left_out=Outcome.NOT_CONNECTED)
    return _asked_first(modeladmin, request, queryset, connected, step)


def _asked_first(
    modeladmin: Any, request: HttpRequest, queryset: Links, fitting: Links, step: Step
) -> HttpResponse | None:
    left_out = queryset.count() - fitting.count()
    if fitting.exists() and confirmation.CONFIRMED not in request.POST:
        said = outcomes.told(step.left_out, left_out)
        return confirmation.ask(modeladmin, request, step.question, links=fitting, left_out=said)
    done = _each(request, fitting, step.act)
    outcomes.tell(request, done + Counter({step.left_out: left_out}))
    return None


def _each(request: HttpRequest, links: Links, act: Act) -> Counter[Outcome]:
    """Act on one link after the other while there is time; return how many came to what."""
    started, found, chosen = monotonic(), Counter[Outcome](), list(links)
    for place, link in enumerate(chosen):
        if monotonic() - started > GOES_ON_FOR or FINAL & found.keys():
            found[Outcome.LEFT] = len(chosen) - place
            break
        outcome = act(request, link)
        journal.write(request, [link], CHANGE, str(LOGGED[outcome]))
        found[outcome] += 1
    return found


def _schedule(request: HttpRequest, links: list[Any]) -> Counter[Outcome]:
    scheduled = statements.schedule_all(ids=[link.pk for link in links])
    journal.write(request, links, CHANGE, str(LOGGED[Outcome.SCHEDULED]))
    waits = min(scheduled, sum(link.waits for link in links))
    counts = {
        Outcome.SCHEDULED: scheduled - waits,
        Outcome.WAITS: waits,
        Outcome.NOT_REFRESHABLE: len(links) - scheduled,
    }
    return Counter(counts)


def _grouped(links: list[Any]) -> Iterator[list[Any]]:
    return (links[start : start + AT_ONCE] for start in range(0, len(links), AT_ONCE))


def _check(request: HttpRequest, link: BufferLink) -> Outcome:
    try:
        checked = check.check_again(link)
    except OfAnotherInstance:
        return Outcome.ELSEWHERE
    except (BufferUnavailable, RateLimited, TokenUnavailable):
        return Outcome.NOT_CHECKED
    except DecryptionFailed:
        return Outcome.UNREADABLE
    except LinkRevoked:
        return Outcome.STILL_ENDED
    return Outcome.RESTORED if checked.is_active else Outcome.STILL_ENDED
