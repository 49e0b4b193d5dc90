"""What is known of a run, as plain values. Times are seconds since the epoch, on one machine."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

REFUSED = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From one moment to another."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    def holds(self, moment: float) -> bool:
        """Return whether `moment` lies in it."""
        return self.start <= moment <= self.end

    def without(self, spans: Iterable["Span"]) -> list["Span"]:
        """Return the parts of it that lie in none of `spans`."""
        parts, start = [], self.start
        for span in sorted(spans, key=lambda span: span.start):
            if span.end <= start or span.start >= self.end:
                continue
            if span.start > start:
                parts.append(Span(start=start, end=span.start))
            start = span.end
        return [*parts, Span(start=start, end=self.end)] if start < self.end else parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One request that carried a refresh token, as the server recorded it.

    The client noted `intended_at`, when it wrote down that it may send, `sent_at`, and `stores_at`,
    when it began to store the answer (None: it never did). `consumed` says that this request used
    the token up, `delivered` that its successor stood whole in what was written, which was at
    `ended_at`. `status` is None where there was no answer.
    """

    agent: str
    intended_at: float
    sent_at: float
    at: float
    ended_at: float
    status: int | None
    fault: str = ""
    # The error code that the fault gave.
    error: str = ""
    consumed: bool = False
    delivered: bool = False
    stores_at: float | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether the server called the token invalid, by its own word."""
        return self.status == REFUSED and self.fault in {"", "slow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One generation of a refresh token at the server; `uses` in the order of their arrival."""

    digest: str
    issued_at: float
    uses: tuple[Use, ...] = ()

    @property
    def consumption(self) -> Use | None:
        """The request that used it up; None as long as it is good."""
        return next((use for use in self.uses if use.consumed), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCall:
    """One request to the API whose access token it did not take; `by_http` with a 401."""

    at: float
    by_http: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One grant at the server, with its refresh tokens from generation 1 on.

    `ended_by` is the server's word for who ended it: person, reuse, client.
    """

    tokens: tuple[Token, ...]
    refused_calls: tuple[RefusedCall, ...] = ()
    ended_at: float | None = None
    ended_by: str = ""

    def token(self, generation: int) -> Token:
        """Return the refresh token of `generation`."""
        return self.tokens[generation - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One epoch of one link, as the database tells it.

    `held` is the generation that it had last; `until` when that was read, because the user
    reconnected or the run was over. `ended_at` and `reason` are set when the database called the
    link ended.
    """

    link: int
    epoch: str
    held: int
    until: float
    ended_at: float | None = None
    reason: str = ""
    # Whether a generation went out a second time, by the link's own history: in this epoch, or by
    # the quarantine before it, for the client cannot know that the grant is another one. Or one of
    # another link of the account, which may have shared the grant.
    resent: bool = False
    # Whether more was written down as sent of the held generation than is known to have ended.
    doubted: bool = False
    # Whether it ended after its access token did, while another link of the account was active.
    yielded: bool = False
    # Since when nothing but a sweep is wanted: its access token is over, and so are the pause that
    # the database asks for and all that a process may have had in hand. None: it waits for nobody.
    waits_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """When one process was there, and what was done to it: killed, and made to stand still."""

    lived: Span
    killed_at: float | None = None
    standstills: tuple[Span, ...] = ()

    def awake_at(self, moment: float) -> float:
        """Return `moment`, or when the standstill ended that it falls into."""
        return next((span.end for span in self.standstills if span.holds(moment)), moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What happened around the links: to the processes, by name, and to the database.

    `halted` are the times in which the breaker was open or the brake on. In each of these times, and
    for a `beat` after it, no sweep can claim anything.
    """

    processes: Mapping[str, Process]
    database_away: tuple[Span, ...] = ()
    halted: tuple[Span, ...] = ()
    beat: float
    token_life: float
    connect: float
    total: float
    commit: float
    quarantine: float

    def idle(self) -> list[Span]:
        """Return the times in which no sweep was awake, or none could have claimed anything."""
        awake = [
            span
            for agent, process in self.processes.items()
            if agent.startswith("sweep")
            for span in process.lived.without(process.standstills)
        ]
        asleep = Span(start=0, end=math.inf).without(awake)
        stopped = [*self.database_away, *self.halted]
        return [*asleep, *(Span(start=each.start, end=each.end + self.beat) for each in stopped)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request with a refresh token, as the process noted it that sent it.

    `out` lasts from its first byte until the answer came or was given up, or the process was gone.
    """

    agent: str
    out: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One statement of the protocol that a process ran: which, on what, and from when to when."""

    agent: str
    name: str
    began: float
    ended: float
    # (link, epoch, generation) of each row that it was for.
    held: tuple[tuple[int, str, int], ...] = field(default=())
    rows: int = 0
