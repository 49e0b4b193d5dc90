"""What became of each link, and whether anybody could have saved it. Pure: records in, classes out.

A link is lost when the refresh token that the database held last is of no use any more. There are
two ways to that. The token was consumed and its successor never reached the database: then all
depends on where the answer got lost. Or the grant ended although the token held was good: then all
depends on who ended it. Nothing is taken for unavoidable unless the records of the server, or of
what the conductor did to a process or to the database, show why.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import pairwise

from benchmarks.reliability.records import Grant, Life, Process, Span, Use, World
from benchmarks.reliability.troubles import MISCONFIGURED

# What two processes on a busy machine may disagree by, in seconds.
SLACK = 0.4
# A process that is awake for so many seconds, with the database there, has to have stored an answer.
FAIR = 1.0
# And so many until it begins to: for that a kill is no excuse.
PROMPT = 0.8
# Between two tries to store, while the database is away.
PAUSE = 0.25
# So many sweeps have to have passed a link by before it counts as forgotten.
SWEEPS = 2
UNAUTHORIZED = "unauthorized"
# For so long a refresh counts that a refused API call has forced.
FORCED = 60.0
# The server used nothing up when it answered so, and the client knows that it did not.
SURELY_NOT_USED = frozenset({401, 429})
SERVER_ERROR = 500


class Fate(StrEnum):
    """What became of one epoch of a link."""

    KEPT = "kept"
    # No client can save these.
    ANSWER_LOST = "answer lost after consumption"
    FIVE_HUNDRED = "5xx after consumption"
    DEATH = "death between consumption and commit"
    STOOD_STILL = "stood still beyond the quarantine"
    DATABASE = "database away beyond the commit budget"
    PERSON = "user's own revocation"
    YIELDED = "given up in doubt beside a sibling"
    # These it can.
    NOT_STORED = "an answer in hand was not stored"
    SENT_TWICE = "a second send ended a good grant"
    REVOKED = "we revoked a good grant"


AVOIDABLE = frozenset({Fate.NOT_STORED, Fate.SENT_TWICE, Fate.REVOKED})
UNAVOIDABLE = frozenset(Fate) - AVOIDABLE - {Fate.KEPT}


def fate(life: Life, grant: Grant, world: World) -> Fate:
    """Return what became of `life`, whose tokens are those of `grant`."""
    consumption = grant.token(life.held).consumption
    if consumption is not None and consumption.at <= life.until:
        return _of_lost_successor(consumption, life, world)
    if grant.ended_at is None or grant.ended_at > life.until:
        return Fate.YIELDED if has_yielded(life) else Fate.KEPT
    match grant.ended_by:
        case "person":
            return Fate.PERSON
        case "reuse":
            return _of_reuse(life, grant, world)
        case _:
            return Fate.REVOKED


def _of_lost_successor(consumption: Use, life: Life, world: World) -> Fate:
    """The held token was consumed, and what the server gave for it is not in the database."""
    if not consumption.delivered:
        failed = consumption.status is not None and consumption.status >= SERVER_ERROR
        return Fate.FIVE_HUNDRED if failed else Fate.ANSWER_LOST
    process = world.processes[consumption.agent]
    over = _end_of_budget(consumption, process, world)
    if process.killed_at is not None and process.killed_at <= over:
        is_excused = _was_prompt(consumption, process, world, until=life.until)
        return Fate.DEATH if is_excused else Fate.NOT_STORED
    if _came_too_late(consumption, process, world):
        return Fate.ANSWER_LOST
    until = min(over, consumption.intended_at + world.quarantine, life.until)
    had = Span(start=consumption.ended_at, end=until)
    if _seconds(had.without(process.standstills)) < FAIR:
        # Or the user reconnected while it was being stored: then it belongs to nobody.
        return Fate.KEPT if life.until == until else Fate.STOOD_STILL
    return Fate.NOT_STORED if _chance(had, process, world) >= FAIR else Fate.DATABASE


def _chance(had: Span, process: Process, world: World, *, pause: float = 0.0) -> float:
    """Return for how many seconds of `had` a process could store: awake, with the database there.

    After each absence it needs no try for a `pause`.
    """
    away = [Span(start=each.start, end=each.end + pause) for each in world.database_away]
    return _seconds(had.without([*process.standstills, *away]))


def _was_prompt(consumption: Use, process: Process, world: World, *, until: float) -> bool:
    """Whether a process that was killed did not let the answer lie before it began to store it.

    Nor does it count what it could not have stored: too late for it, for others, or for the user.
    """
    if _came_too_late(consumption, process, world):
        return True
    ends = process.killed_at, consumption.stores_at, consumption.intended_at + world.quarantine
    end = min(until, *(moment for moment in ends if moment is not None))
    lay = Span(start=consumption.ended_at, end=end)
    return _chance(lay, process, world, pause=PAUSE) <= PROMPT


def _end_of_budget(consumption: Use, process: Process, world: World) -> float:
    """Return until when the process had to try: for the commit budget, and after each awakening."""
    over = consumption.ended_at + world.commit
    for standstill in process.standstills:
        if consumption.ended_at <= standstill.end and standstill.start <= over:
            over = max(over, standstill.end + FAIR)
    return over


def _seconds(spans: Iterable[Span]) -> float:
    return sum(span.seconds for span in spans)


def _came_too_late(consumption: Use, process: Process, world: World) -> bool:
    """Whether the client had stopped waiting, by the protocol's own time, when the answer came.

    A process that stands still does not look at the clock: what came meanwhile it can still read.
    """
    gave_up_at = process.awake_at(consumption.sent_at + world.total - SLACK)
    return consumption.ended_at > gave_up_at


def _of_reuse(life: Life, grant: Grant, world: World) -> Fate:
    """The held token was good, and an older one that came again ended its grant."""
    for token in grant.tokens[: life.held - 1]:
        consumption = token.consumption
        if consumption is None or not any(use.at > consumption.at for use in token.uses):
            continue
        process = world.processes[consumption.agent]
        again = min(use.at for use in token.uses if use.at > consumption.at)
        had = Span(start=consumption.ended_at, end=again)
        is_due = consumption.intended_at + world.quarantine <= again
        # The second send was due when the first one's answer still lay before a sleeper.
        if is_due and _chance(had, process, world) < FAIR:
            return Fate.STOOD_STILL
    return Fate.SENT_TWICE


def is_forgotten(life: Life, world: World) -> bool:
    """Return whether nobody took a link up although sweeps have long been free to do so."""
    if life.waits_since is None:
        return False
    waited = Span(start=life.waits_since, end=life.until).without(world.idle())
    return _seconds(waited) > SWEEPS * (world.beat + world.total)


def is_false_end(life: Life, grant: Grant) -> bool:
    """Return whether the database called a link ended whose token the server would have taken.

    It may do so where the API did not take its access tokens, or for the sake of another link.
    """
    if life.ended_at is None or is_unauthorized(life, grant) or has_yielded(life):
        return False
    consumption = grant.token(life.held).consumption
    is_good = consumption is None or consumption.at > life.ended_at
    lives = grant.ended_at is None or grant.ended_at > life.ended_at
    return is_good and lives


def is_unauthorized(life: Life, grant: Grant) -> bool:
    """Return whether a link ended, and rightly so, because the API did not take its access token.

    That is a 401 to the one held, after a refusal has forced a refresh not long before.
    """
    if life.ended_at is None or life.reason != UNAUTHORIZED:
        return False
    tokens = grant.tokens[: life.held]
    last = Span(start=tokens[-1].issued_at, end=life.ended_at)
    forced = (
        Span(start=before.issued_at, end=after.issued_at)
        for before, after in pairwise(tokens)
        if after.issued_at >= life.ended_at - FORCED - SLACK
    )
    return any(call.by_http and last.holds(call.at) for call in grant.refused_calls) and any(
        span.holds(call.at) for span in forced for call in grant.refused_calls
    )


def has_yielded(life: Life) -> bool:
    """Return whether a link in doubt ended because a second send might have ended a sibling too."""
    return life.yielded and life.doubted and life.reason == "answer_lost"


def right_reasons(life: Life, which: Fate) -> frozenset[str]:
    """Return the reasons that the database may give for an end of this kind.

    Ours is never the user's doing. Where the user ended it and a send of ours was in doubt besides,
    a client cannot tell the one from the other.
    """
    if which is Fate.PERSON:
        doubted = life.resent or life.doubted
        return frozenset({"revoked_at_buffer", *(["answer_lost"] if doubted else [])})
    return frozenset({"answer_lost", "refresh_token_reused"})


def has_wrong_reason(life: Life, grant: Grant, which: Fate) -> bool:
    """Return whether a link that has ended, and rightly so, gives a reason that is not true."""
    if life.ended_at is None or which is Fate.KEPT or is_false_end(life, grant):
        return False
    if is_unauthorized(life, grant):
        return False
    return life.reason not in right_reasons(life, which)


def second_sends(grant: Grant, token_life: float) -> Iterator[Use]:
    """Give each request with a refresh token that had gone out before, while its access token lived.

    An earlier request that was answered before the token was used does not count, nor one in which
    the server called the token invalid: staff may try once more what was held back.
    """
    for token in grant.tokens:
        for earlier, later in pairwise(token.uses):
            lives = later.at < token.issued_at + token_life - SLACK
            if lives and not _was_surely_not_used(earlier):
                yield later


def _was_surely_not_used(use: Use) -> bool:
    return use.status in SURELY_NOT_USED or use.error in MISCONFIGURED or use.is_refusal
