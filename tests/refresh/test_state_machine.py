"""The refresh protocol, played in any order; and that the game can be lost."""

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import initialize, run_state_machine_as_test

from tests.refresh.protocol import weak
from tests.refresh.protocol.buffer import Reply
from tests.refresh.protocol.game import (
    Accidents,
    Game,
    Leavers,
    Operators,
    People,
    Rotations,
    Wait,
    WholeGame,
)
from tests.refresh.protocol.worker import Stage

# The same games each time: a failure here is never a matter of luck.
QUICK = hypothesis_settings(
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
# Other games each time.
LONG = hypothesis_settings(
    QUICK, max_examples=100, stateful_step_count=50, derandomize=False, print_blob=True
)
# Until one is lost, in whatever way.
SEARCH = hypothesis_settings(QUICK, max_examples=1000, phases=[Phase.generate], print_blob=False)


class SlowGame(Game):
    """Only answers are slow, and only around the end of the access token."""

    stages = (Stage.ANSWERED, Stage.DONE)
    waits = (Wait.NOT, Wait.PAST_LEASE, Wait.NEAR_END)


class BrokenGame(Game):
    """Connections break while the access token lives."""

    stages = (Stage.ANSWERED, Stage.DONE)
    waits = (Wait.NOT, Wait.PAST_FORCED)
    replies = (Reply.PROCESSED, Reply.LOST, Reply.STRAYED)


class RenewedGame(People, Game):
    """Users connect again while a worker is slow."""

    stages = (Stage.ANSWERED, Stage.DONE)
    waits = (Wait.NOT,)


class SharedGame(People, Game):
    """An answer was lost; a worker is about to send again when another user may connect."""

    stages = (Stage.DONE,)
    waits = (Wait.NOT,)
    people = (1,)

    @initialize()
    def begin(self):
        self.connect(self.links[0])
        self.go_on(0, Stage.DONE, wanted=0, reply=Reply.LOST)
        self.pass_time(Wait.PAST_END)
        self.go_on(0, Stage.INTENDED, wanted=0, reply=Reply.PROCESSED)


class RefusedGame(People, Operators, Game):
    """Buffer ends grants, many at once."""


class RecklessGame(People, Leavers, Game):
    """Users disconnect, and the outbox does not look for links that live on the same grant."""

    people = (0, 1)

    def is_needless(self, row):
        return False


class RotatedGame(Rotations, Accidents, Game):
    """Keys are rotated while links are refreshed and workers die."""

    replies = (Reply.PROCESSED, Reply.SALVAGED)


class RotatedWholeGame(Rotations, Operators, WholeGame):
    """Everything, and keys are rotated, and the brake goes on."""


class CarelessGame(Rotations, Game):
    """Keys are rotated by one who does not look whether a row is still what was read."""

    def write(self, **values):
        weak.reseal_unseen(**values)


LOST = [
    (weak.Impatient, Game, "I1"),
    (weak.Unwritten, Game, "I1"),
    (weak.Optimistic, BrokenGame, "I1"),
    (weak.Possessive, Game, "I2"),
    (weak.Hasty, SlowGame, "I2"),
    (weak.Pessimistic, BrokenGame, "I3"),
    (weak.Unfenced, RenewedGame, "I3"),
    (weak.Shortsighted, SharedGame, "T8"),
    (weak.Unbraked, RefusedGame, "T7b"),
    (weak.Backward, Game, "I4"),
    (weak.Forgetful, Game, "I5"),
    (weak.Talkative, Game, "I6"),
]
every_weakness = pytest.mark.parametrize(
    ("worker", "game", "invariant"), LOST, ids=[worker.__name__ for worker, *_ in LOST]
)


def reached_by_playing(game, how):
    """Play a game; return what happened in it, for a game of nothing proves nothing."""
    reached = set()

    class Played(game):
        def teardown(self):
            reached.update(self.judge.reached)
            super().teardown()

    run_state_machine_as_test(Played, settings=how)
    return reached


def reached_at_last(wanted, game, how):
    """Play games until all that is `wanted` has happened: what is rare is missed by one run in thirty."""
    reached = set()
    for _ in range(4):
        reached |= reached_by_playing(game, how)
        if reached >= wanted:
            break
    return reached


def played_by(worker, game):
    return type(f"{worker.__name__}{game.__name__}", (game,), {"worker_class": worker})


def test_the_invariants_hold(db):
    assert "stored" in reached_by_playing(WholeGame, QUICK)


@pytest.mark.long
def test_they_hold_while_the_brake_goes_on(db):
    how = hypothesis_settings(QUICK, max_examples=30)
    assert reached_by_playing(RefusedGame, how) >= {"stored", "resume", "retry"}


@pytest.mark.long
def test_they_hold_while_keys_are_rotated(db):
    how = hypothesis_settings(QUICK, max_examples=30)
    assert reached_by_playing(RotatedGame, how) >= {"stored", "sealed anew"}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_invariants_hold_in_long_games(db):
    wanted = {"stored", "sent again", "sealed anew"}
    assert reached_at_last(wanted, RotatedWholeGame, LONG) >= wanted


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("policy", ["active", "on_demand"])
def test_they_hold_where_links_rest(db, settings, policy):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "REFRESH_POLICY": policy}
    how = hypothesis_settings(LONG, max_examples=40)
    assert "stored" in reached_at_last({"stored"}, WholeGame, how)


@pytest.mark.long
@every_weakness
def test_a_protocol_that_leaves_something_out_is_found_out(db, worker, game, invariant):
    with pytest.raises(AssertionError, match=f"^{invariant}: "):
        run_state_machine_as_test(played_by(worker, game), settings=SEARCH)


@pytest.mark.long
def test_an_outbox_that_asks_for_no_sibling_is_found_out(db):
    with pytest.raises(AssertionError, match=r"^I3: .* to the outbox"):
        run_state_machine_as_test(RecklessGame, settings=SEARCH)


@pytest.mark.long
def test_a_rotation_that_overwrites_a_refresh_is_found_out(db):
    with pytest.raises(AssertionError, match=r"^I4: .* holds another token"):
        run_state_machine_as_test(CarelessGame, settings=SEARCH)
