"""The refresh protocol: who may take which step, and what it asks before it takes one."""

from typing import NamedTuple

from tests.model import row as rows
from tests.model.outside import ANY_TIME
from tests.model.row import NOBODY, REVOKED, SEVERAL
from tests.model.wire import WIRE
from tests.model.workers import WORK
from tests.model.world import GIVEN, NAMES, Answer, Known, Stage, State


class Step(NamedTuple):
    """What happened, to which worker (NOBODY: to none), and what it led to."""

    name: str
    me: int
    state: State

    def __str__(self):
        if self.me == NOBODY:
            return self.name
        worker = self.state.workers[self.me]
        told = {Stage.ASKED: worker.known, Stage.ANSWERED: worker.answer}.get(worker.stage)
        return f"{NAMES[self.me]}: {self.name}" + (f" ({told})" if told else "")


class Protocol:
    """All that may happen. What a weaker protocol does otherwise is a method."""

    def __init__(self, *, workers=2, kills=2, callers=False, sibling=False, brake=False):
        self.workers = range(workers)
        self.kills = kills
        # Whether the API is called, and may answer 401, rightly or wrongly.
        self.callers = callers
        # Whether another link lives on the same Buffer account.
        self.sibling = sibling
        # Whether Buffer refuses many other links, so that the brake may be on.
        self.brake = brake

    def steps(self, state):
        """Yield every step that may be taken from `state`."""
        for me in self.workers:
            worker = state.workers[me]
            yield from self._taken(WORK[worker.stage], me, state, me, worker)
        for request in dict.fromkeys(state.wire):
            yield from self._taken(WIRE, request.sender, state, request)
        yield from self._taken(ANY_TIME, NOBODY, state)

    def _taken(self, steps, me, *facts):
        for name, step in steps.items():
            for after in step(self, *facts):
                yield Step(name, me, after)

    def claim(self, row, me):
        return rows.claim(row, me)

    def may_resend(self, row, known):
        """Whether a token in doubt goes out again, though the server does not vouch for it."""
        return known == Known.NOTHING and not self.sibling

    def must_give_up(self, known):
        """Whether a token in doubt must never go out again."""
        return known == Known.NOT_ACTIVE or (known == Known.NOTHING and self.sibling)

    def store(self, row, me, worker, status):
        statement = rows.store if worker.answer == Answer.TOKENS else rows.store_refresh_token
        return statement(row, worker.held, status)

    def doubt(self, row, me, worker):
        statement = rows.doubt_ended if self.is_over(worker.answer) else rows.doubt
        return statement(row, worker.held, me)

    def reason(self, row, worker):
        """Return why the server may have refused what was sent."""
        if row.sent_count != worker.sent_count:
            return "refresh_token_reused"
        if worker.sent_count == SEVERAL or row.anomaly:
            return "answer_lost"
        return "revoked_at_buffer"

    def reconnect(self, row):
        return rows.reconnect(row)

    def is_over(self, answer):
        """Whether an answer proves that its request is not under way any more."""
        return answer == Answer.ERROR

    def is_done(self, row, me, worker):
        """Whether nothing that this worker may still do can change a row.

        Its generation, or its lease, is not the row's, and will never be again; and all that it
        may still do asks for the one or for both.
        """
        match worker.stage:
            case Stage.IDLE | Stage.INTENDED | Stage.SENT:
                return False
            case Stage.CLAIMED | Stage.ASKED:
                may_end = worker.again and worker.known != Known.ACTIVE
                return not row.is_owned(worker.held, me) or not (row.leased or may_end)
            case Stage.ANSWERED if worker.answer in GIVEN or worker.answer == Answer.REFUSED:
                return row.held != worker.held or row.status == rows.DISCONNECTED
            case Stage.ANSWERED:
                return not row.is_owned(worker.held, me)
            case Stage.TURNED_AWAY:
                return row.held != worker.held or row.status != REVOKED
            case Stage.JUDGED:
                return not row.holds(worker.held)
