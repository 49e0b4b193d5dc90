"""The refresh protocol, played in any order; and that the game can be lost."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.refresh.protocol import weak
from tests.refresh.protocol.buffer import Reply
from tests.refresh.protocol.game import Game, Leavers, People, Wait, WholeGame
from tests.refresh.protocol.worker import Stage

# The same games each time: a failure here is never a matter of luck.
QUICK = settings(
    max_examples=80,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
# Other games each time.
LONG = settings(QUICK, max_examples=500, stateful_step_count=50, derandomize=False, print_blob=True)
# Until one is lost, in whatever way.
SEARCH = settings(QUICK, max_examples=1000, phases=[Phase.generate], print_blob=False)


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


class RecklessGame(People, Leavers, Game):
    """Users disconnect, and the outbox does not look for links that live on the same grant."""

    people = (0, 1)

    def is_needless(self, row):
        return False


LOST = [
    (weak.Impatient, Game, "I1"),
    (weak.Unwritten, Game, "I1"),
    (weak.Optimistic, BrokenGame, "I1"),
    (weak.Possessive, Game, "I2"),
    (weak.Hasty, SlowGame, "I2"),
    (weak.Pessimistic, BrokenGame, "I3"),
    (weak.Unfenced, RenewedGame, "I3"),
    (weak.Backward, Game, "I4"),
    (weak.Forgetful, Game, "I5"),
    (weak.Talkative, Game, "I6"),
]
every_weakness = pytest.mark.parametrize(
    ("worker", "game", "invariant"), LOST, ids=[worker.__name__ for worker, *_ in LOST]
)


def reached_by_playing(how):
    """Play the whole game; return what happened in it, for a game of nothing proves nothing."""
    reached = set()

    class Noted(WholeGame):
        def teardown(self):
            reached.update(self.judge.reached)
            super().teardown()

    run_state_machine_as_test(Noted, settings=how)
    return reached


def played_by(worker, game):
    return type(f"{worker.__name__}{game.__name__}", (game,), {"worker_class": worker})


def test_the_invariants_hold(db):
    assert reached_by_playing(QUICK) >= {"stored", "sent again", "answer_lost"}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_invariants_hold_in_long_games(db):
    reached = reached_by_playing(LONG)
    assert reached >= {"stored", "sent again", "to the outbox", "discarded", "revoked_at_buffer"}


@every_weakness
def test_a_protocol_that_leaves_something_out_is_found_out(db, worker, game, invariant):
    with pytest.raises(AssertionError, match=f"^{invariant}: "):
        run_state_machine_as_test(played_by(worker, game), settings=SEARCH)


@pytest.mark.long
def test_an_outbox_that_asks_for_no_sibling_is_found_out(db):
    with pytest.raises(AssertionError, match=r"^I3: .* to the outbox"):
        run_state_machine_as_test(RecklessGame, settings=SEARCH)
