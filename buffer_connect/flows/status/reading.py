"""The numbers, by the database's clock. Ids, states, counts and ages; no secrets, no people."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DateTimeField, F, Min, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from buffer_connect.conf import conf
from buffer_connect.exceptions import KeyUnavailable, Tampered, UnknownVersion
from buffer_connect.flows.refresh.claim import DigestMismatch
from buffer_connect.flows.refresh.halt import Halt, halted_since, refused_elsewhere_since
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation, ServiceState
from buffer_connect.models.clock import database_now
from buffer_connect.models.keys import KeyUse, keys_in_use

BLOCKING = tuple(e.__name__ for e in (KeyUnavailable, Tampered, UnknownVersion, DigestMismatch))
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
# Who is refused asks again each minute.
PROBED_WITHIN = timedelta(minutes=3)
MOST_ERRORS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many wait for something, and for how many seconds the first of them has."""

    count: int
    oldest_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(KeyUse):
    """A key that rows need or the settings hold."""

    # Whether ENCRYPTION_KEYS holds it, and whether it stands first there.
    held: bool
    seals: bool

    @property
    def role(self) -> str:
        """What it does, in a word."""
        if not self.held:
            return "MISSING" if self.kid else "damaged"
        if self.seals:
            return "seals"
        return "opens" if self.is_used else "unused"

    def __str__(self) -> str:
        return f"{self.kid or '(no id)'}  {self.role}  {self.rows}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All numbers at one moment; ages in seconds, None for what never was."""

    at: datetime
    # Links by status.
    links: dict[str, int]
    # Active links that belong to another instance of the site, by its name; none of what follows counts
    # them, but for the keys.
    elsewhere: dict[str, int]
    # Active links that nothing will name, where INSTANCE is set: API keys, and others without a
    # refresh token.
    unnamed: int
    # Active links that are refreshed; the others are API keys, or end with their access token.
    refreshable: int
    breaker_open_seconds: float | None
    # For another client id or secret, which some process has used within `PROBED_WITHIN`.
    breaker_of_others_seconds: float | None
    brake_on_seconds: float | None
    # Refused while the brake was on, by the reason with which they would end.
    held_back: dict[str, int]
    last_sweep_seconds: float | None
    # Refreshable now, and not in doubt.
    due: Waiting
    # Failed, to be tried again at a moment that lies ahead.
    backing_off: int
    # Nobody knows whether the refresh token was used.
    in_doubt: Waiting
    # Not to be opened at the last attempt, by the error.
    blocked: dict[str, int]
    # Whose last attempt failed, by the error; the `MOST_ERRORS` that are commonest.
    errors: dict[str, int]
    # Due, and the access token is over: callers get none until a refresh works.
    unserved: Waiting
    # Ended without their user asking for it here, by reason.
    ended_last_day: dict[str, int]
    ended_last_week: dict[str, int]
    keys: tuple[Key, ...]
    # Refresh tokens of which Buffer is still to be told that they are revoked.
    revocations: Waiting
    # State changes whose signal the site has not been sent.
    unannounced: Waiting

    @property
    def missing_keys(self) -> tuple[Key, ...]:
        """The keys that rows need and the settings lack."""
        return tuple(key for key in self.keys if not key.held)


def read() -> Status:
    """Read the numbers; in a handful of queries, and in memory that does not grow with the links.

    Raises `ImproperlyConfigured` for settings that cannot be used.
    """
    conf.require_all()
    database = BufferLink.written_on()
    now = database_now(database)
    links = BufferLink.objects.using(database)
    active = links.active().ours()
    events = LinkEvent.objects.using(database).ours()
    halted = halted_since()
    in_doubt = Q(sent_generation=F("generation"))
    unleased = active.filter(Q(lease_until=None) | Q(lease_until__lte=now))
    return Status(
        at=now,
        links=dict.fromkeys(BufferLink.Status.values, 0) | _by(links, "status"),
        elsewhere=_by(links.elsewhere().active(), "instance"),
        unnamed=active.unnamed().filter(refresh_token=None).count(),
        refreshable=active.filter(refresh_token__isnull=False).count(),
        breaker_open_seconds=_age(halted.get(Halt.BREAKER), now),
        breaker_of_others_seconds=_age(refused_elsewhere_since(PROBED_WITHIN), now),
        brake_on_seconds=_age(halted.get(Halt.BRAKE), now),
        held_back=_by(links.held_back().ours(), "refused_reason"),
        last_sweep_seconds=_age(_last_sweep(database), now),
        due=_due(unleased.filter(~in_doubt | Q(sent_generation=None)), now),
        backing_off=active.filter(next_attempt_at__gt=now).count(),
        in_doubt=_waiting(unleased.filter(in_doubt), "sent_at", now),
        blocked=_by(active.filter(last_error__in=BLOCKING), "last_error"),
        errors=_commonest(active.exclude(last_error=""), "last_error"),
        unserved=_unserved(active, now),
        ended_last_day=_ended(events, now - DAY),
        ended_last_week=_ended(events, now - WEEK),
        keys=keys(),
        revocations=_waiting(PendingRevocation.objects.using(database).ours(), "created_at", now),
        unannounced=_waiting(events.unannounced(), "created_at", now),
    )


def keys() -> tuple[Key, ...]:
    """Return the keys that rows need and those that the settings hold, the sealing one first.

    Raises `ImproperlyConfigured` for settings that cannot be used.
    """
    ring = conf.keyring
    used = {use.kid: use for use in keys_in_use()}
    uses = (used.get(kid, KeyUse(kid=kid)) for kid in dict.fromkeys((*ring.kids, *used)))
    return tuple(
        Key(**asdict(use), held=use.kid in ring.kids, seals=use.kid == ring.kid) for use in uses
    )


def _due(links: QuerySet[BufferLink], now: datetime) -> Waiting:
    rested = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    unrefused = Q(refused_generation=None) | ~Q(refused_generation=F("generation"))
    ready = links.filter(rested, unrefused, refresh_token__isnull=False, refresh_due_at__lte=now)
    since = Greatest("refresh_due_at", Coalesce("next_attempt_at", "refresh_due_at"))
    return _waiting(ready, since, now)


def _unserved(links: QuerySet[BufferLink], now: datetime) -> Waiting:
    over = links.filter(refresh_token__isnull=False, refresh_due_at__lte=now, expires_at__lte=now)
    return _waiting(over, Greatest("refresh_due_at", "expires_at"), now)


def _waiting(rows: QuerySet[Any], since: Any, now: datetime) -> Waiting:
    found = rows.order_by().aggregate(
        count=Count("pk"), first=Min(since, output_field=DateTimeField())
    )
    return Waiting(count=found["count"], oldest_seconds=_age(found["first"], now))


def _by(rows: QuerySet[Any], column: str) -> dict[str, int]:
    counted = rows.order_by(column).values_list(column).annotate(Count("pk"))
    return dict(counted)


def _commonest(rows: QuerySet[Any], column: str) -> dict[str, int]:
    counted = rows.order_by().values_list(column).annotate(count=Count("pk"))
    return dict(counted.order_by("-count", column)[:MOST_ERRORS])


def _ended(events: QuerySet[LinkEvent], since: datetime) -> dict[str, int]:
    return _by(events.filter(kind=LinkEvent.Kind.REVOKED, created_at__gt=since), "reason")


def _last_sweep(database: str) -> datetime | None:
    beat = ServiceState.objects.using(database).filter(name="beat")
    return beat.values_list("updated_at", flat=True).first()


def _age(moment: datetime | None, now: datetime) -> float | None:
    # Clocks of several hosts differ by a little: nothing is younger than now.
    return None if moment is None else max(0.0, (now - moment).total_seconds())
