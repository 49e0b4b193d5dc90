"""The steps of a worker, from claim to store. Each takes a state and yields what it may lead to.

A step that cannot be taken yields nothing. The letters are those of docs/protocol.md.
"""

from tests.model import row as rows
from tests.model.row import ACTIVE, NOBODY, REVOKED, SEVERAL
from tests.model.world import GIVEN, IDLE, Answer, Known, Request, Stage, Worker


def t1_claim(protocol, state, me, worker):
    row = protocol.claim(_wanted(state.row), me)
    if row:
        yield state.having(
            me,
            worker._replace(
                stage=Stage.CLAIMED,
                held=row.held,
                again=row.sent,
                sent_count=min(row.sent_count + 1, SEVERAL) if row.sent else 1,
            ),
            row,
        )


def t1_t2_claim_to_send(protocol, state, me, worker):
    """T1 and T2 in one, for a row that was read before."""
    row = rows.claim_to_send(_wanted(state.row), state.row.held, me)
    if row:
        sender = Worker(stage=Stage.INTENDED, held=row.held, sent_count=1, in_time=True)
        yield state.having(me, sender, row)


def _wanted(row):
    """S, and the end of a wait, may have come just before."""
    return row._replace(due=None if row.due is None else True, waiting=False)


def t4_release(protocol, state, me, worker):
    yield state.having(me, IDLE, rows.release(state.row, me))


def t8_ask(protocol, state, me, worker):
    if worker.again:
        of_own_grant = worker.held.epoch == state.row.epoch
        is_good = of_own_grant and state.server.is_good(worker.held)
        for known in (Known.ACTIVE if is_good else Known.NOT_ACTIVE, Known.NOTHING):
            yield state.having(me, worker._replace(stage=Stage.ASKED, known=known))


def t8_unsend(protocol, state, me, worker):
    if worker.known == Known.ACTIVE:
        row = rows.unsend(state.row, worker.held, me)
        freed = Worker(stage=Stage.CLAIMED, held=worker.held, sent_count=1)
        yield state.having(me, freed if row else IDLE, row)


def e2_give_up(protocol, state, me, worker):
    if protocol.must_give_up(worker.known):
        yield state.having(me, IDLE, rows.give_up(state.row, worker.held, me))


def t2_intent(protocol, state, me, worker):
    if worker.stage == Stage.ASKED:
        may_send = protocol.may_resend(state.row, worker.known)
    else:
        may_send = not worker.again
    row = may_send and rows.record_intent(state.row, worker.held, me)
    if row:
        yield state.having(me, worker._replace(stage=Stage.INTENDED, in_time=True), row)


def sends(protocol, state, me, worker):
    if worker.in_time:
        wire = (*state.wire, Request(worker.held, me))
        sent = worker._replace(stage=Stage.SENT, in_time=False)
        yield state.having(me, sent, wire=wire, out=worker.held)


def does_not_send(protocol, state, me, worker):
    unsent = worker._replace(stage=Stage.ANSWERED, in_time=False, answer=Answer.UNUSED)
    yield state.having(me, unsent)


def t3_store(protocol, state, me, worker):
    if worker.answer in GIVEN:
        row = protocol.store(state.row, me, worker, ACTIVE)
        turned_away = worker._replace(stage=Stage.TURNED_AWAY)
        yield _stored(state, me, worker, row) if row else state.having(me, turned_away)


def t3_recover(protocol, state, me, worker):
    row = protocol.store(state.row, me, worker, REVOKED)
    yield _stored(state, me, worker, row) if row else state.having(me, IDLE)


def _stored(state, me, worker, row):
    late = worker.held if worker.overslept else state.late
    return state.having(me, IDLE, row, late=late)


def t5_postpone(protocol, state, me, worker):
    if worker.answer == Answer.UNUSED:
        row = rows.postpone(state.row, worker.held, me)
        is_taken_back = row and not row.sent and state.out == worker.held
        yield state.having(me, IDLE, row, out=None if is_taken_back else state.out)


def t6_doubt(protocol, state, me, worker):
    if worker.answer in (Answer.ERROR, Answer.UNKNOWN):
        yield state.having(me, IDLE, protocol.doubt(state.row, me, worker))


def t7_judge(protocol, state, me, worker):
    if worker.answer == Answer.REFUSED:
        stale = state.row.held != worker.held or state.row.refused
        reason = protocol.reason(state.row, worker)
        judged = worker._replace(stage=Stage.JUDGED, reason=reason)
        yield state.having(me, IDLE if stale else judged)


def t7_refuse(protocol, state, me, worker):
    yield state.having(me, IDLE, rows.refuse(state.row, worker.held, worker.reason))


def t7b_hold_back(protocol, state, me, worker):
    """While the brake is on. What is held back has been answered: it is out no more."""
    if protocol.brake:
        row = rows.hold_back(state.row, worker.held, worker.reason)
        is_answered = row and state.out == worker.held
        yield state.having(me, IDLE, row, out=None if is_answered else state.out)


def dies(protocol, state, me, worker):
    """SIGKILL. What is on the wire stays there."""
    if state.kills < protocol.kills:
        wire = tuple(Request(held, NOBODY if s == me else s) for held, s in state.wire)
        yield state.having(me, IDLE, wire=wire, kills=state.kills + 1)


WORK = {
    Stage.IDLE: {"T1": t1_claim, "T1 + T2": t1_t2_claim_to_send},
    Stage.CLAIMED: {"T2": t2_intent, "T4": t4_release, "T8, asks": t8_ask},
    Stage.ASKED: {"T2": t2_intent, "T4": t4_release, "T8": t8_unsend, "E2": e2_give_up},
    Stage.INTENDED: {"sends": sends, "does not send": does_not_send},
    Stage.SENT: {},
    Stage.ANSWERED: {"T3": t3_store, "T5": t5_postpone, "T6": t6_doubt, "T7, judges": t7_judge},
    Stage.TURNED_AWAY: {"T3 of an ended link": t3_recover},
    Stage.JUDGED: {"T7": t7_refuse, "T7b": t7b_hold_back},
}
for _stage in set(Stage) - {Stage.IDLE}:
    WORK[_stage]["dies"] = dies
