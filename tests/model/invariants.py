"""What must hold at every step, whatever happens: I1 to I5 of the refresh protocol."""

from collections import Counter

from tests.model.row import DISCONNECTED, REVOKED
from tests.model.world import BY_SECOND_USE, GIVEN, IDLE


def broken_by(protocol, before, step):
    """Return the name of the first invariant that a step breaks; None when all hold."""
    for name, holds in INVARIANTS.items():
        if not holds(protocol, before, step):
            return name
    return None


def goes_out_once(protocol, before, step):
    """A generation goes out once while its access token lives, but for what T5 takes back."""
    if step.name != "sends" or before.out is None:
        return True
    return not (before.row.lives and before.out == before.workers[step.me].held)


def answers_are_kept(protocol, before, step):
    """What was delivered is stored, and no second use of ours ends what it gave."""
    return _is_stored(before, step) and not _ends_what_was_given(before, step.state)


def _is_stored(before, step):
    if not step.name.startswith("T3") or step.state.workers[step.me] != IDLE:
        return True
    # What comes for a disconnected link goes to the outbox.
    row = step.state.row
    return row.held != before.workers[step.me].held or row.status == DISCONNECTED


def _ends_what_was_given(before, after):
    if before.server.ended or after.server.ended != BY_SECOND_USE:
        return False
    (used,) = {request.held for request in Counter(before.wire) - Counter(after.wire)}
    # Who stands still with an answer for longer than the quarantine is as good as dead.
    if used == before.late:
        return False
    answered = [w.held for w in before.workers if w.answer in GIVEN and not w.overslept]
    given = [held._replace(generation=held.generation + 1) for held in answered]
    given = [held for held in given if held.epoch == before.row.epoch]
    return any(before.server.is_good(held) for held in (before.row.held, *given))


def ends_are_true(protocol, before, step):
    """No link has ended while its refresh token works, but where the API alone refuses it."""
    row = step.state.row
    if row.status != REVOKED or not step.state.server.is_good(row.held):
        return True
    return row.reason == "unauthorized" or (protocol.sibling and row.reason == "answer_lost")


def generations_grow(protocol, before, step):
    """Within an epoch a generation only grows."""
    return before.row.held <= step.state.row.held


def reasons_are_true(protocol, before, step):
    """Our own second use is never reported as the user's revocation."""
    has_ended = before.row.status != REVOKED and step.state.row.status == REVOKED
    is_ours = before.server.ended == BY_SECOND_USE
    return not (has_ended and is_ours and step.state.row.reason == "revoked_at_buffer")


INVARIANTS = {
    "I1": goes_out_once,
    "I2": answers_are_kept,
    "I3": ends_are_true,
    "I4": generations_grow,
    "I5": reasons_are_true,
}
