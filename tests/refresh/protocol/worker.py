"""A worker that goes through the protocol piece by piece, by the engine's own functions."""

from dataclasses import replace
from enum import IntEnum
from time import monotonic

from buffer_connect.conf import conf
from buffer_connect.flows.refresh import claim, resend, settle
from buffer_connect.models import statements
from buffer_connect.oauth.token import NOT_SENT, Verdict
from tests.refresh.protocol.buffer import sent_now


class Stage(IntEnum):
    """How far a worker has come."""

    IDLE = 0
    CLAIMED = 1
    PREPARED = 2
    INTENDED = 3
    # The last look at deadline and siblings lies behind it; nothing has left yet.
    CLEARED = 4
    SENT = 5
    ANSWERED = 6
    # Only as a goal: whatever was claimed is settled.
    DONE = 7


# What may go out again at once: it was surely not used (T5), or is held back as refused (T7b).
CLOSING = {
    Verdict.NOT_SENT,
    Verdict.THROTTLED,
    Verdict.CLIENT_REJECTED,
    Verdict.MISCONFIGURED,
    Verdict.REFUSED,
}


class Worker:
    """One process: what it remembers is here, everything else is in the database."""

    def __init__(self, buffer, judge):
        self.buffer, self.judge = buffer, judge
        self.forget()

    def die(self):
        """Forget everything; what was on the wire is still there."""
        if self.stage is Stage.SENT:
            self.buffer.strays.append(self.request)
        self.forget()

    def forget(self):
        self.claimed, self.request, self.cleared = None, None, None
        self.prepared, self.intended = [], []

    @property
    def stage(self):
        if self.request:
            return Stage.ANSWERED if self.request.outcome else Stage.SENT
        if self.cleared:
            return Stage.CLEARED
        if self.intended:
            return Stage.INTENDED
        if self.prepared:
            return Stage.PREPARED
        return Stage.CLAIMED if self.claimed else Stage.IDLE

    def work(self, goal, *, ids, reply):
        """Go on by one piece at least, and until `goal`."""
        if self.stage is Stage.IDLE:
            self.take(ids)
        else:
            self.go_on(reply)
        while Stage.IDLE < self.stage < goal:
            self.go_on(reply)

    def take(self, ids):
        taken = self.claim(ids) if ids else None
        self.claimed = taken if taken and taken.links else None
        self.judge.look()

    def go_on(self, reply):
        match self.stage:
            case Stage.CLAIMED:
                self.prepared, self.claimed = self.prepare(self.claimed), None
            case Stage.PREPARED:
                self.intended, self.prepared = self.intend(self.prepared), []
                self.intended_at = self.buffer.clock.now()
            case Stage.INTENDED:
                self.clear(self.intended.pop(0))
            case Stage.CLEARED:
                self.send(self.cleared)
            case Stage.SENT:
                self.request.outcome = self.buffer.answer(self.request, reply)
            case Stage.ANSWERED:
                self.settle()
        self.judge.look()

    def clear(self, attempt):
        if monotonic() > attempt.send_by + conf.timing.connect or not self.may_leave(attempt):
            self.write_down(attempt, NOT_SENT, sent_at=monotonic())
        else:
            self.judge.leaves(attempt)
            self.cleared = attempt

    def send(self, attempt):
        self.cleared = None
        self.request = sent_now(attempt, intended_at=self.intended_at)
        self.judge.sends(self.request)

    def settle(self):
        request, self.request = self.request, None
        request.closed = request.outcome.verdict in CLOSING
        self.write_down(request.attempt, request.outcome, sent_at=request.sent_at)
        if request.outcome.verdict is Verdict.OK:
            self.judge.delivered(request)

    def pass_time(self, seconds):
        """Let time pass for what is remembered."""
        if self.claimed:
            self.claimed = replace(self.claimed, started=self.claimed.started - seconds)
        self.prepared = [_aged(attempt, seconds) for attempt in self.prepared]
        self.intended = [_aged(attempt, seconds) for attempt in self.intended]
        self.cleared = self.cleared and _aged(self.cleared, seconds)
        if self.request:
            self.request.sent_at -= seconds
            self.request.attempt = _aged(self.request.attempt, seconds)

    # The pieces of the protocol, for the weakened workers to do otherwise.

    def claim(self, ids):
        return claim.claim(ids)

    def prepare(self, claimed):
        attempts = claim.prepare(claimed)
        return [attempt for attempt in attempts if self.may_be_sent(attempt)]

    def may_be_sent(self, attempt):
        self.judge.may_give_up(attempt)
        return resend.may_be_sent(attempt)

    def intend(self, attempts):
        return claim.record_intent(attempts)

    def may_leave(self, attempt):
        return resend.may_leave(attempt)

    def write_down(self, attempt, outcome, *, sent_at):
        settle.settle(attempt, landed(outcome, sent_at))


def landed(outcome, sent_at):
    return settle.Landed(outcome=outcome, sent_at=sent_at, arrived_at=monotonic())


def _aged(attempt, seconds):
    return replace(attempt, send_by=attempt.send_by - seconds, read_at=attempt.read_at - seconds)


def due():
    return statements.due(quarantine=conf.timing.quarantine, limit=2)
