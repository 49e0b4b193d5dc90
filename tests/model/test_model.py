"""The protocol as a model: every state of it, and that the search can fail."""

import pytest

from tests.model import alike, liveness
from tests.model.search import Search, Violation
from tests.model.worlds import ONE_WORKER, WEAK, WORLDS, searched

# What the user of a link that nobody can save is told.
TOLD = {"revoked_at_buffer", "answer_lost"}
SENT = ["A: T1 + T2", "A: sends"]
RESENT = ["T1", "T8, asks (nothing)", "T2", "sends"]
LOST = {
    "without the quarantine": (
        "I2",
        [
            *SENT,
            "A: arrives (tokens)",
            "the lease ends",
            "the access token ends",
            *(f"B: {step}" for step in RESENT),
            "B: arrives (invalid_grant)",
        ],
    ),
    "without the wait for the access token's end": (
        "I1",
        [
            *SENT,
            "A: arrives (server_error)",
            "A: T6",
            *(f"A: {step}" for step in RESENT),
        ],
    ),
    "fenced by the lease's owner": (
        "I2",
        [
            *SENT,
            "A: arrives (tokens)",
            "the lease ends",
            "the access token ends",
            "the quarantine passes",
            "B: T1",
            "A: T3",
            "A: T3 of an ended link",
        ],
    ),
    "asking before the quarantine has passed": (
        "I2",
        [
            *SENT,
            "the lease ends",
            "the access token ends",
            "B: T1",
            "B: T8, asks (active)",
            "B: T8",
            "B: T2",
            "B: sends",
            "A: arrives (tokens)",
            "B: arrives (invalid_grant)",
        ],
    ),
    "taking a gateway's error for the end of a request": (
        "I2",
        [
            *SENT,
            "A: is not waited for (unknown)",
            "A: T6",
            "the access token ends",
            *(f"A: {step}" for step in RESENT),
            "A: arrives (tokens)",
            "arrives",
        ],
    ),
    "taking an answer that nobody heard for the end of the link": (
        "I3",
        [*SENT, "A: is not used (server_error)", "A: T6"],
    ),
    # A search begins with the second generation.
    "connecting again in the same epoch": ("I4", ["R"]),
    "taking every refusal for the user's revocation": (
        "I5",
        [
            *SENT,
            "A: arrives (server_error)",
            "A: T6",
            "the access token ends",
            *(f"A: {step}" for step in RESENT),
            "A: arrives (invalid_grant)",
            "A: T7, judges",
            "A: T7",
        ],
    ),
}


def outcomes(search):
    """Return what becomes of links that nobody is at, of those that can be saved and of others."""
    found = {True: set(), False: set()}
    for state in filter(liveness.is_left_alone, search.states):
        found[liveness.can_be_saved(state)].add(liveness.outcome(search.protocol, state))
    return found


def in_short(state):
    """Return the state without what does not count for what may follow, and the kills."""
    row = state.row._replace(anomaly=False)
    workers = tuple(worker._replace(reason="") for worker in state.workers)
    return alike.either(state._replace(row=row, workers=workers, kills=0)), state.kills


def test_a_worker_that_is_killed_twice_keeps_every_invariant():
    search = Search(ONE_WORKER)
    assert len(search.states) > 1000
    assert outcomes(search) == {True: {"refreshed"}, False: TOLD}


@pytest.mark.parametrize("name", WEAK)
def test_a_protocol_that_leaves_something_out_is_found_out(name):
    with pytest.raises(Violation) as violation:
        Search(WEAK[name])
    assert (violation.value.invariant, violation.value.steps) == LOST[name]


@pytest.mark.long
@pytest.mark.parametrize("name", WORLDS)
def test_two_workers_keep_every_invariant(name):
    search = searched(name)
    assert len(search.states) > 3000
    # A grant that another link lives on is not put at risk.
    given_up = {"answer_lost"} if search.protocol.sibling else set()
    # What is held back keeps its reason until somebody decides, and who stood still may have met
    # the second send of another.
    held_back = {"refresh_token_reused"} if search.protocol.brake else set()
    assert outcomes(search) == {True: {"refreshed", *given_up}, False: TOLD | held_back}


@pytest.mark.long
def test_what_counts_as_one_goes_on_alike():
    found = Search(ONE_WORKER)
    fewest_kills = {}
    for state, kills in map(in_short, found.states):
        fewest_kills[state] = min(kills, fewest_kills.get(state, kills))
    every = Search(ONE_WORKER, forget=alike.numbered)
    assert len(every.states) > 2 * len(found.states)
    for state in every.states:
        short, kills = in_short(alike.simplified(ONE_WORKER, state))
        assert fewest_kills[short] <= kills
