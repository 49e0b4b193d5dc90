"""What may happen at any time: time passes, users act, and the API is called."""

from tests.model import row as rows
from tests.model.world import BY_USER, GIVEN, Answer, Server, Stage


def lease_ends(protocol, state):
    """Whoever had this lease, or one before it, may send nothing any more."""
    if state.row.leased:
        workers = tuple(worker._replace(in_time=False) for worker in state.workers)
        yield state._replace(row=state.row._replace(leased=False), workers=workers)


def access_token_ends(protocol, state):
    if state.row.lives and state.row.access_token:
        yield state._replace(row=state.row._replace(lives=False))


def quarantine_passes(protocol, state):
    """It is longer than LEASE + TOTAL: what was intended before it is over, sent or not."""
    if state.row.sent and not state.row.quarantined and state.row.refresh_token:
        workers = tuple(_after_quarantine(worker) for worker in state.workers)
        row = state.row._replace(quarantined=True)
        yield state._replace(row=row, workers=workers, wire=())


def _after_quarantine(worker):
    match worker.stage:
        case Stage.INTENDED:
            return worker._replace(in_time=False)
        case Stage.SENT:
            return worker._replace(stage=Stage.ANSWERED, answer=Answer.UNKNOWN)
        case Stage.ANSWERED | Stage.TURNED_AWAY if worker.answer in GIVEN:
            return worker._replace(overslept=True)
    return worker


def a_minute_passes(protocol, state):
    """What a forced refresh has given is not new any more."""
    if state.row.forced:
        yield state._replace(row=state.row._replace(forced=False))


def r_reconnect(protocol, state):
    """R, with a grant of its own."""
    yield state._replace(row=protocol.reconnect(state.row), server=Server())


def d_disconnect(protocol, state):
    row = rows.disconnect(state.row, state.row.held)
    if row:
        yield state._replace(row=row)


def user_ends_it(protocol, state):
    if not state.server.ended:
        yield state._replace(server=state.server._replace(ended=BY_USER))


def j_reject(protocol, state):
    yield from _called(protocol, state, rows.reject)


def u1_unauthorized(protocol, state):
    yield from _called(protocol, state, rows.unauthorized)


def u2_restore(protocol, state):
    yield from _called(protocol, state, rows.restore)


def _called(protocol, state, statement):
    row = protocol.callers and statement(state.row, state.row.held)
    if row:
        yield state._replace(row=row)


def resume(protocol, state):
    """The brake is taken off, and what was held back ends."""
    row = rows.refuse_held_back(state.row, state.row.held, state.row.refused_reason)
    if row:
        yield state._replace(row=row)


def retry(protocol, state):
    """The brake is taken off, and what was held back is tried again."""
    row = rows.retry_held_back(state.row)
    if row:
        yield state._replace(row=row)


ANY_TIME = {
    "the lease ends": lease_ends,
    "the access token ends": access_token_ends,
    "the quarantine passes": quarantine_passes,
    "a minute passes": a_minute_passes,
    "R": r_reconnect,
    "D": d_disconnect,
    "the user ends it at Buffer": user_ends_it,
    "J": j_reject,
    "U1": u1_unauthorized,
    "U2": u2_restore,
    "the brake is taken off, resume": resume,
    "the brake is taken off, retry": retry,
}
