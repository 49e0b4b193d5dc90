"""States that go on alike count as one, so that there are finitely many, and few.

That nothing is lost by it is a test: the search that leaves less out finds nothing more.
"""

from tests.model.row import NOBODY, Held
from tests.model.world import BY_USER, IDLE, Request, Stage, State

# The generation that the row holds. Every one before it is equally stale.
NOW, STALE = 2, 1
ELSEWHERE = Held(0, 0)
OTHER = {0: 1, 1: 0}


def simplified(protocol, state):
    """Return the state without what nobody can ask for any more."""
    row, workers, wire = state.row, state.workers, state.wire
    if workers != (IDLE, IDLE):
        workers = tuple(
            IDLE if _is_elsewhere(worker, row) or protocol.is_done(row, me, worker) else worker
            for me, worker in enumerate(workers)
        )
    if wire:
        wire = tuple(request for request in wire if request.held.epoch == row.epoch)
    is_quiet = not wire and all(worker.stage != Stage.INTENDED for worker in workers)
    row = _row(row, workers, state.server, is_quiet=is_quiet)
    if (row, workers, wire) != (state.row, state.workers, state.wire):
        state = state._replace(row=row, workers=workers, wire=wire)
    return numbered(protocol, state)


def numbered(protocol, state):
    """Return the state with the row at the first epoch and the second generation.

    S, and the end of a wait, may come at any time; so they have come.
    """
    row, epoch, generation = state.row, state.row.epoch, state.row.generation

    def of(held):
        if held is None or held.epoch != epoch:
            return held and ELSEWHERE
        return Held(1, max(STALE, held.generation - generation + NOW))

    out, late = _remembered(state)
    good = NOW if state.server.ended else state.server.good - generation + NOW
    is_first = (epoch, generation) == (1, NOW)
    if is_first and good == state.server.good and row.due is not False and not row.waiting:
        is_same = (out, late) == (state.out, state.late)
        return state if is_same else state._replace(out=out, late=late)
    due = None if row.due is None else True
    return State(
        row=row._replace(epoch=1, generation=NOW, due=due, waiting=False),
        workers=tuple(
            worker if worker == IDLE else worker._replace(held=of(worker.held))
            for worker in state.workers
        ),
        server=state.server._replace(good=good),
        wire=tuple(
            Request(of(held), sender)
            for held, sender in state.wire
            if held.epoch == epoch or sender != NOBODY
        ),
        out=of(out),
        late=of(late),
        kills=state.kills,
    )


def either(state):
    """Return what stands for a state in which the workers have changed places, too."""
    (one, other), owner, wire = state.workers, state.row.owner, state.wire
    if (one, owner == 0) < (other, owner == 1):
        wire = tuple(Request(held, OTHER.get(sender, sender)) for held, sender in wire)
        row = state.row if owner is None else state.row._replace(owner=OTHER.get(owner, owner))
        state = state._replace(row=row, workers=(other, one), wire=wire)
    return state if len(wire) < 2 else state._replace(wire=tuple(sorted(wire)))


def _is_elsewhere(worker, row):
    """Whether it only sends for an earlier grant, of which nothing is told."""
    return worker.held.epoch != row.epoch and worker.stage in (Stage.INTENDED, Stage.SENT)


def _row(row, workers, server, *, is_quiet):
    changed = {}
    if row.refresh_token and not row.access_token:
        changed["access_token"] = True
    if not row.refresh_token and (row.lives or row.sent or row.sent_count):
        changed |= {"lives": False, "sent": False, "sent_over": False}
        changed |= {"quarantined": False, "sent_count": 0}
    if row.owner is not None and (row.owner == NOBODY or workers[row.owner] == IDLE):
        owner = NOBODY if row.leased else None
        if owner != row.owner:
            changed["owner"] = owner
    if row.anomaly and (server.ended == BY_USER or (is_quiet and server.is_good(row.held))):
        # A second use that is still to come leaves this mark anew.
        changed["anomaly"] = False
    return row._replace(**changed) if changed else row


def _remembered(state):
    """What is remembered for the invariants, as long as they may ask for it."""
    out = state.out if state.out == state.row.held else None
    if state.late is None:
        return out, None
    sendable = {request.held for request in state.wire}
    sendable.update(w.held for w in state.workers if w.stage == Stage.INTENDED)
    return out, state.late if state.late in sendable else None
