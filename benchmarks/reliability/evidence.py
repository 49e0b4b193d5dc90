"""Makes records of what the processes noted, the server recorded and the database says."""

import signal
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from benchmarks.reliability import timing
from benchmarks.reliability.hand import Hand
from benchmarks.reliability.judge import SLACK
from benchmarks.reliability.people import Standing
from benchmarks.reliability.records import (
    Grant,
    Life,
    Process,
    RefusedCall,
    Request,
    Span,
    Step,
    Token,
    Use,
    World,
)
from benchmarks.reliability.siblings import Siblings
from buffer_connect.models import BufferLink

Lines = Mapping[str, list[dict[str, Any]]]
Held = tuple[int, str, int]
Moments = dict[tuple[str, str], list[float]]
# T7 and T7b.
REFUSED = frozenset({"end", "T7b"})
UNAUTHORIZED = 401


class Server:
    """What the server recorded, and what the processes noted of their requests to it.

    `grant_ids` are by (link, epoch).
    """

    def __init__(
        self, told: Sequence[dict[str, Any]], lines: Lines, grant_ids: Mapping[tuple[int, str], str]
    ) -> None:
        self._told = told
        by_id = {grant["id"]: grant for grant in told}
        self._digests = {
            (*epoch, token["generation"]): token["digest"]
            for epoch, grant in grant_ids.items()
            for token in by_id[grant]["refresh_tokens"]
        }
        # By process and token: when it wrote down that it may send, sent, began to store the answer.
        self._intended: Moments = defaultdict(list)
        self._sent: Moments = defaultdict(list)
        self._stores: Moments = defaultdict(list)
        for agent, own in lines.items():
            for line in own:
                self._note(agent, line)

    def grants(
        self, requests: Iterable[dict[str, Any]], calls: Iterable[dict[str, Any]]
    ) -> dict[str, Grant]:
        """Return the grants by id, with the requests and API calls that carried their tokens."""
        uses, refused = defaultdict(list), defaultdict(list)
        for request in sorted(requests, key=itemgetter("at")):
            uses[request["token"]].append(self._use(request))
        for call in calls:
            by_http = call["status"] == UNAUTHORIZED
            if by_http or call["fault"] == "graphql_error":
                refused[call["grant"]].append(RefusedCall(at=call["at"], by_http=by_http))
        return {
            grant["id"]: Grant(
                tokens=tuple(
                    Token(
                        digest=token["digest"],
                        issued_at=token["issued_at"],
                        uses=tuple(uses[token["digest"]]),
                    )
                    for token in grant["refresh_tokens"]
                ),
                refused_calls=tuple(refused[grant["id"]]),
                ended_at=grant["revoked_at"],
                ended_by=grant["revoked_by"] or "",
            )
            for grant in self._told
        }

    def _note(self, agent: str, line: dict[str, Any]) -> None:
        if line["what"] == "send":
            self._sent[agent, line["token"]].append(line["at"])
        elif line["what"] == "store":
            for held in line["held"]:
                self._stores[agent, self._digests[tuple(held)]].append(line["at"])
        elif line["what"] == "step" and line["name"] == "T2":
            for held in line["held"]:
                self._intended[agent, self._digests[tuple(held)]].append(line["ended"])

    def _use(self, request: dict[str, Any]) -> Use:
        at, key = request["at"], (request["agent"], request["token"])
        sent_at = _latest(self._sent[key], before=at)
        return Use(
            agent=request["agent"],
            intended_at=_latest(self._intended[key], before=sent_at),
            sent_at=sent_at,
            at=at,
            ended_at=request["ended_at"] or at,
            status=request["status"],
            fault=request["fault"],
            error=request["error"],
            consumed=request["successor"] is not None,
            delivered=request["delivered"],
            stores_at=min((moment for moment in self._stores[key] if moment >= at), default=None),
        )


def _latest(moments: Iterable[float], *, before: float) -> float:
    """Return the latest of `moments` that is not after `before`; that itself where there is none."""
    return max((moment for moment in moments if moment <= before), default=before)


def steps(lines: Lines) -> list[Step]:
    """Return the statements that the processes ran, in the order in which they ended."""
    found = [
        Step(
            agent=agent,
            name=line["name"],
            began=line["began"],
            ended=line["ended"],
            held=tuple((pk, epoch, generation) for pk, epoch, generation in line["held"]),
            rows=line["rows"],
        )
        for agent, own in lines.items()
        for line in own
        if line["what"] == "step"
    ]
    return sorted(found, key=lambda step: step.ended)


def requests(lines: Lines, processes: Mapping[str, Process]) -> list[Request]:
    """Return the requests that went out; one that nothing ended was out to the process's end."""
    found = []
    for agent, own in lines.items():
        sent: dict[str, float] = {}
        for line in own:
            if line["what"] == "send":
                sent[line["token"]] = line["at"]
            elif line["what"] == "over" and line["token"] in sent:
                out = Span(start=sent.pop(line["token"]), end=line["at"])
                found.append(Request(agent=agent, out=out))
        ended_at = processes[agent].killed_at or processes[agent].lived.end
        left = [Span(start=at, end=ended_at) for at in sent.values()]
        found += [Request(agent=agent, out=out) for out in left]
    return found


def processes(hands: Iterable[Hand], lines: Lines) -> dict[str, Process]:
    """Return what was done to each process, also by itself when it was told to."""
    return {hand.agent: _process(hand, lines.get(hand.agent, [])) for hand in hands}


def _process(hand: Hand, lines: list[dict[str, Any]]) -> Process:
    told = [line["at"] for line in lines if line["what"] == "signal"]
    # Before its first line it could not have done anything.
    born_at = lines[0]["at"] if lines else hand.ended_at
    was_killed = hand.process.exitcode == -signal.SIGKILL
    killed_at = hand.killed_at or (told[-1] if told else None)
    return Process(
        lived=Span(start=born_at, end=hand.ended_at),
        killed_at=killed_at if was_killed else None,
        standstills=tuple(hand.standstills),
    )


class Lives:
    """Makes the life of each epoch out of how it stood, what was done to it, and its history."""

    def __init__(self, steps: Iterable[Step], siblings: Siblings) -> None:
        self._siblings = siblings
        self._written: Counter[Held] = Counter()
        # By process: whose refusal it came to write down.
        self._refused: set[tuple[str, Held]] = set()
        # When something was done last, by epoch.
        self._done_at: dict[tuple[int, str], float] = {}
        for step in steps:
            if step.rows:
                self._done_at |= {(link, epoch): step.ended for link, epoch, _ in step.held}
            change = {"T2": 1, "T5": -1}.get(step.name, 0) if step.rows else 0
            for held in step.held if change else ():
                self._written[held] += change
            if step.name in REFUSED:
                self._refused |= {(step.agent, held) for held in step.held}

    def life(self, standing: Standing, grant: Grant) -> Life:
        """Return the life of one epoch."""
        link, epoch = standing.link, standing.epoch
        held = _held(standing, grant)
        # Of a refusal that came to a process shortly before its death, nobody knows.
        refused = sum(
            use.is_refusal and (use.agent, (link, epoch, held)) in self._refused
            for use in grant.token(held).uses
        )
        # What went out so shortly before the user connected may have ended the same grant.
        counts_from = grant.tokens[0].issued_at - timing.QUARANTINE
        ended_at = standing.changed_at if standing.status == BufferLink.Status.REVOKED else None
        return Life(
            link=link,
            epoch=epoch,
            held=held,
            until=standing.at,
            ended_at=ended_at,
            reason=standing.reason if ended_at else "",
            resent=self._siblings.was_resent(link, since=counts_from, until=standing.at),
            yielded=ended_at is not None and self._yielded(link, grant.token(held), ended_at),
            doubted=self._written[link, epoch, held] > refused,
            waits_since=self._waits_since(standing),
        )

    def _yielded(self, link: int, token: Token, ended_at: float) -> bool:
        is_over = ended_at >= token.issued_at + timing.TOKEN_LIFE - SLACK
        return is_over and self._siblings.has_active(link, ended_at)

    def _waits_since(self, standing: Standing) -> float | None:
        if standing.has_time_until is None:
            return None
        # By then the lease is over, too.
        done_at = self._done_at.get((standing.link, standing.epoch), 0.0)
        return max(standing.has_time_until, done_at + timing.QUARANTINE)


def _held(standing: Standing, grant: Grant) -> int:
    """Return which generation the database held; by the token itself, as long as it has one."""
    digests = [token.digest for token in grant.tokens]
    return digests.index(standing.token) + 1 if standing.token else standing.generation


def world(
    processes: Mapping[str, Process], *, away: Iterable[Span], halted: Iterable[Span]
) -> World:
    """Return what happened around the links, with the numbers that the protocol ran by."""
    return World(
        processes=processes,
        database_away=tuple(away),
        halted=tuple(halted),
        beat=timing.BEAT,
        token_life=timing.TOKEN_LIFE,
        connect=timing.CONNECT,
        total=timing.TOTAL,
        commit=timing.COMMIT,
        quarantine=timing.QUARANTINE,
    )
