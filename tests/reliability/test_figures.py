"""The numbers of a run, out of made-up records."""

import pytest

from benchmarks.reliability.figures import (
    Grip,
    Pinned,
    bound,
    commit_times,
    late_commits,
    out_for_too_long,
    percentile,
    pinned,
    recoveries,
    slow,
)
from benchmarks.reliability.records import Request, Span, Step
from tests.reliability.records import (
    DUE_AT,
    TOTAL,
    consumption,
    grant,
    process,
    token,
    use,
    world,
)

KILLED_AT = DUE_AT + 1
HELD = ((1, "one", 1),)


def step(name, at, *, agent="worker", rows=1, took=0.1, held=HELD):
    return Step(agent=agent, name=name, began=at, ended=at + took, held=held, rows=rows)


def recovered(of, *steps, **around):
    around = {"sweep": process(), **around}
    killed = world(process(killed_at=KILLED_AT), **around)
    (found,) = recoveries(steps, {(1, "one"): of}, killed)
    return found


@pytest.mark.parametrize(
    ("name", "uses", "grip"),
    [
        ("T1", [], Grip.CLAIMED),
        ("T2", [], Grip.WRITTEN),
        ("T2", [use(ended_at=KILLED_AT + 1)], Grip.SENT),
        ("T2", [use(ended_at=KILLED_AT)], Grip.ANSWERED),
        ("T2", [use(agent="other")], Grip.WRITTEN),
    ],
)
def test_how_far_a_process_had_come_with_what_it_left(name, uses, grip):
    found = recovered(grant(token(*uses)), step(name, DUE_AT))
    assert (found.grip, found.taken_up) == (grip, None)


@pytest.mark.parametrize("name", ["T1", "T2", "T3", "T7b", "end"])
def test_a_link_recovers_when_it_is_taken_up_again(name):
    in_vain = step(name, KILLED_AT + 5, agent="sweep", rows=0)
    found = recovered(
        grant(), step("T1", DUE_AT), in_vain, step(name, KILLED_AT + 7, agent="sweep")
    )
    assert found.taken_up == 7


def test_what_the_user_connects_anew_after_the_kill_is_no_recovery():
    reconnected = step("T2", KILLED_AT + 7, agent="sweep", held=((1, "two", 1),))
    assert recovered(grant(), step("T1", DUE_AT), reconnected).taken_up is None


def test_nor_does_it_take_over_what_another_process_had_in_hand():
    reconnected = step("T1", DUE_AT + 0.5, agent="sweep", held=((1, "two", 1),))
    assert recovered(grant(), step("T1", DUE_AT), reconnected).grip is Grip.CLAIMED


@pytest.mark.parametrize(
    "idle",
    [
        {"sweep": process((KILLED_AT + 1, KILLED_AT + 3))},
        {"away": [(KILLED_AT + 1, KILLED_AT + 2)]},
        {"halted": [(KILLED_AT + 1, KILLED_AT + 2)]},
    ],
)
def test_time_in_which_no_sweep_could_take_it_up_does_not_count_and_a_beat_after_it(idle):
    steps = step("T1", DUE_AT), step("T2", KILLED_AT + 7, agent="sweep")
    found = recovered(grant(), *steps, **{"sweep": process(), **idle})
    assert found.taken_up == 5


@pytest.mark.parametrize("last", ["T3", "T4", "T4b", "T5", "T6", "T7b", "end"])
def test_what_was_finished_before_the_kill_needs_no_recovery(last):
    steps = step("T2", DUE_AT), step(last, DUE_AT + 0.2)
    assert recoveries(steps, {(1, "one"): grant()}, world(process(killed_at=KILLED_AT))) == []


def test_nor_does_what_another_process_took_over_before_the_kill():
    steps = step("T1", DUE_AT), step("T1", DUE_AT + 0.5, agent="other")
    assert recoveries(steps, {(1, "one"): grant()}, world(process(killed_at=KILLED_AT))) == []


def test_what_was_never_got_needs_none_either():
    lost_race = [step("T2", DUE_AT, rows=0)]
    assert recoveries(lost_race, {(1, "one"): grant()}, world(process(killed_at=KILLED_AT))) == []


STORED = {(1, "one"): grant(token(consumption()))}


def test_a_commit_is_timed_from_the_last_byte():
    assert commit_times([step("T3", DUE_AT + 0.1)], STORED, world()) == pytest.approx([0.2])


@pytest.mark.parametrize(
    "other",
    [
        step("T3", DUE_AT + 0.1, rows=0),
        step("T2", DUE_AT + 0.1),
        step("T3", DUE_AT + 0.1, agent="other"),
    ],
)
def test_nothing_else_is_a_commit(other):
    assert commit_times([other], STORED, world()) == []


@pytest.mark.parametrize("elsewhen", [(DUE_AT - 2, DUE_AT - 1), (DUE_AT + 1, DUE_AT + 2)])
def test_a_disturbance_at_another_time_is_none(elsewhen):
    around = world(process(elsewhen), away=[elsewhen])
    assert len(commit_times([step("T3", DUE_AT + 0.1)], STORED, around)) == 1


@pytest.mark.parametrize(
    "disturbed",
    [
        world(process((DUE_AT - 1, DUE_AT + 0.1))),
        world(away=[(DUE_AT + 0.15, DUE_AT + 2)]),
    ],
)
def test_a_commit_is_not_timed_where_something_stood_in_its_way(disturbed):
    assert commit_times([step("T3", DUE_AT + 0.1)], STORED, disturbed) == []


@pytest.mark.parametrize(
    ("late", "others", "expected"), [(0, 0, 0), (1, 0, 1), (2, 198, 0), (3, 198, 1)]
)
def test_one_commit_in_a_hundred_may_be_late(late, others, expected):
    assert late_commits([1.1] * late + [0.9] * others) == expected


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ({"sweep-1": [None]}, 0),
        ({"sweep-1": [0.1]}, 0),
        ({"sweep-1": [0.6]}, 1),
        ({"sweep-1": [None, None]}, 1),
        ({"call-1": [None, None, None]}, 0),
        ({"call-1": [2.0, None]}, 1),
        ({"sleeper": [2.0]}, 0),
    ],
)
def test_sessions_are_pinned_in_a_transaction_or_beyond_the_one_of_a_sweep(sessions, expected):
    sleeper = process((DUE_AT, DUE_AT + 2))
    processes = {"sweep-1": process(), "call-1": process(), "sleeper": sleeper}
    out = [Span(start=DUE_AT, end=DUE_AT + 2)]
    assert pinned([(DUE_AT + 1, sessions)], out, processes).held == expected
    assert pinned([(DUE_AT + 3, sessions)], out, processes) == Pinned(held=0, seen=0)


def test_it_is_told_how_many_sessions_were_seen_while_a_request_was_slow():
    sleeper = process((DUE_AT, DUE_AT + 2))
    out = [Span(start=DUE_AT, end=DUE_AT + 2)]
    seen = {"sweep-1": [None], "call-1": [None, None], "sleeper": [None]}
    looks = [(DUE_AT + 1, seen), (DUE_AT + 1.5, {}), (DUE_AT + 3, seen)]
    processes = {"sweep-1": process(), "call-1": process(), "sleeper": sleeper}
    assert pinned(looks, out, processes).seen == 3


def test_a_request_is_slow_after_half_a_second():
    answered = grant(token(use(ended_at=DUE_AT + 0.4), use(ended_at=DUE_AT + 1)))
    assert slow([answered], TOTAL) == [Span(start=DUE_AT + 0.5, end=DUE_AT + 1)]


def test_nobody_waits_for_a_server_that_hangs():
    hung = grant(token(use(ended_at=DUE_AT + 8.5)))
    assert slow([hung], TOTAL) == [Span(start=DUE_AT + 0.5, end=DUE_AT + TOTAL)]


@pytest.mark.parametrize(
    ("seconds", "standstills", "expected"),
    [
        (2.8, [], 0),
        (3.0, [], 1),
        (11.0, [(DUE_AT + 1, DUE_AT + 9.5)], 0),
        (12.0, [(DUE_AT + 1, DUE_AT + 9.5)], 1),
    ],
)
def test_a_request_is_out_for_too_long_when_its_process_was_awake(seconds, standstills, expected):
    request = Request(agent="worker", out=Span(start=DUE_AT, end=DUE_AT + seconds))
    assert out_for_too_long([request], world(process(*standstills))) == expected


def test_percentiles():
    assert percentile([], 99) == 0
    assert percentile([3.0], 50) == 3.0
    assert percentile(range(101), 99) == 99


def test_what_never_came_in_three_hundred_is_under_one_per_cent():
    assert bound(300) == 0.01
    assert bound(0) == 1
