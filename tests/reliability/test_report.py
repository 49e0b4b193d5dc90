"""What a run has to show before it counts as clean: made-up findings go in."""

from collections import Counter

import pytest

from benchmarks.reliability.figures import Grip, Pinned, Recovery
from benchmarks.reliability.findings import Findings, Verdict
from benchmarks.reliability.report import LIMITS, is_clean, lines, unmet, zeros
from tests.reliability.records import END, grant, life, process, world

AWAKE = world(sweep=process())
FORGOTTEN = Verdict.on(life(waits_since=END - 20), grant(), AWAKE)


def found(**facts):
    usual = {
        "standstills_only": False,
        "refreshes": 300,
        "faults": Counter(hang=1),
        "done": Counter({"SIGKILL after the send": 1}),
        "verdicts": [Verdict.on(life(), grant(), AWAKE)],
        "second_sends": 0,
        "out_for_too_long": 0,
        "recoveries": [],
        "commit_times": [],
        "pinned": Pinned(held=0, seen=1),
        "calls": Counter(),
        "fell_over": [],
    }
    return Findings(**{**usual, **facts})


def recovery(grip, over):
    return Recovery(grip=grip, taken_up=LIMITS[grip][0] + over)


def test_a_run_that_met_everything_and_in_which_all_is_0_is_clean():
    assert is_clean(found())


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("links never taken up again", {"verdicts": [FORGOTTEN]}),
        ("recoveries over their limit", {"recoveries": [recovery(Grip.CLAIMED, 0.1)]}),
        ("recoveries over their limit", {"recoveries": [recovery(Grip.WRITTEN, 0.1)]}),
        ("requests out for longer than connect + total + slack", {"out_for_too_long": 1}),
        ("commits later than 1 s, beyond one in 100", {"commit_times": [1.1]}),
        ("second sends while the access token lived", {"second_sends": 1}),
        ("connections pinned by a slow endpoint", {"pinned": Pinned(held=1, seen=1)}),
        ("errors that no caller expects", {"calls": Counter({"unexpected KeyError: 1": 1})}),
        ("processes that fell over by themselves", {"fell_over": ["sweep-1"]}),
    ],
)
def test_what_is_not_0_and_has_to_be_is_told_by_its_line(name, facts):
    of = found(**facts)
    assert {line: number for line, number in zeros(of).items() if number} == {name: 1}
    assert not is_clean(of)


@pytest.mark.parametrize("grip", Grip)
def test_a_recovery_within_its_limit_is_none_over_it(grip):
    assert is_clean(found(recoveries=[recovery(grip, -0.1), Recovery(grip=grip, taken_up=None)]))


def test_a_link_that_was_forgotten_is_told_in_full():
    (told,) = [line for line in lines(found(verdicts=[FORGOTTEN])) if "Life(" in line]
    assert told.startswith("\nnever taken up again: Life(link=1, epoch='one', held=1,")


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        ({"refreshes": 0}, ["refresh"]),
        ({"faults": Counter()}, ["fault of the server"]),
        ({"done": Counter({"SIGSTOP at any moment": 1})}, ["SIGKILL"]),
        ({"standstills_only": True, "refreshes": 0}, ["refresh", "standstill"]),
        ({"pinned": Pinned(held=0, seen=0)}, ["database session while a request was slow"]),
    ],
)
def test_a_run_that_met_nothing_shows_nothing(facts, missing):
    of = found(**facts)
    assert unmet(of) == missing
    assert not is_clean(of)
    told = f"\nThis run shows nothing, for it met no {', and no '.join(missing)}."
    assert list(lines(of))[-1] == told


def test_a_database_without_sessions_has_none_to_be_seen():
    assert is_clean(found(pinned=None))
    assert any(line.endswith("no sessions") for line in lines(found(pinned=None)))


def test_a_run_of_standstills_needs_no_other_trouble():
    stood_still = Counter({"SIGSTOP after the send": 1})
    assert is_clean(found(standstills_only=True, faults=Counter(), done=stood_still))
