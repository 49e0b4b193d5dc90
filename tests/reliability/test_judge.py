"""Which loss a client could have avoided: a made-up record goes in, its class comes out."""

from dataclasses import replace

import pytest

from benchmarks.reliability import judge
from benchmarks.reliability.judge import (
    AVOIDABLE,
    UNAVOIDABLE,
    Fate,
    fate,
    has_wrong_reason,
    is_false_end,
    is_unauthorized,
    right_reasons,
    second_sends,
)
from benchmarks.reliability.records import RefusedCall
from buffer_connect.models import statements
from tests.reliability.records import (
    DUE_AT,
    consumption,
    ended,
    grant,
    life,
    process,
    refusal,
    token,
    use,
    world,
)

MISCONFIGURED = {"fault": "oauth_error", "error": "invalid_request"}
IN_HAND = grant(token(consumption()), token())


def test_a_token_that_the_server_still_takes_is_kept():
    assert fate(life(), grant(), world()) is Fate.KEPT


def test_a_successor_in_the_database_is_kept_whatever_happened_to_its_process():
    killed = process(killed_at=DUE_AT)
    assert fate(life(held=2), IN_HAND, world(killed)) is Fate.KEPT


def test_what_happens_after_the_user_reconnected_does_not_count():
    removed = grant(ended_at=130.0, ended_by="person")
    assert fate(life(until=120.0), removed, world()) is Fate.KEPT
    assert fate(life(until=DUE_AT - 1), IN_HAND, world()) is Fate.KEPT


def test_an_answer_in_the_hands_of_a_living_process_has_to_be_stored():
    assert fate(life(), IN_HAND, world()) is Fate.NOT_STORED


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"fault": "lose_answer", "status": None}, Fate.ANSWER_LOST),
        ({"fault": "cut", "status": 200}, Fate.ANSWER_LOST),
        ({"fault": "error_after", "status": 502}, Fate.FIVE_HUNDRED),
        ({"fault": "gateway", "status": 504}, Fate.FIVE_HUNDRED),
    ],
)
def test_an_answer_that_never_arrived_is_nobodys_fault(fault, expected):
    lost = grant(token(consumption(delivered=False, **fault)), token())
    assert fate(life(), lost, world()) is expected


@pytest.mark.parametrize(("waited", "expected"), [(2.8, Fate.ANSWER_LOST), (1.2, Fate.NOT_STORED)])
def test_an_answer_counts_for_as_long_as_the_client_has_to_wait(waited, expected):
    late = grant(token(consumption(ended_at=DUE_AT + waited)), token())
    assert fate(life(), late, world()) is expected


def test_who_stands_still_when_time_is_up_can_still_read_what_came_meanwhile():
    late = grant(token(consumption(ended_at=DUE_AT + 2.8)), token())
    sleeper = process((DUE_AT + 1, DUE_AT + 8))
    assert fate(life(), late, world(sleeper)) is Fate.NOT_STORED


@pytest.mark.parametrize(
    ("after", "expected"),
    [(-1.0, Fate.DEATH), (0.7, Fate.DEATH), (0.9, Fate.NOT_STORED), (3.1, Fate.NOT_STORED)],
)
def test_death_excuses_for_a_moment(after, expected):
    killed = process(killed_at=DUE_AT + after)
    assert fate(life(), IN_HAND, world(killed)) is expected


@pytest.mark.parametrize(
    ("stores_after", "killed_after", "expected"),
    [
        (0.1, 2.9, Fate.DEATH),
        (0.1, 3.1, Fate.NOT_STORED),
        (0.7, 0.9, Fate.DEATH),
        (0.9, 1.0, Fate.NOT_STORED),
    ],
)
def test_and_for_the_commit_budget_when_the_store_had_begun(stores_after, killed_after, expected):
    begun = grant(token(consumption(stores_at=DUE_AT + stores_after)), token())
    killed = process(killed_at=DUE_AT + killed_after)
    assert fate(life(), begun, world(killed)) is expected


@pytest.mark.parametrize(
    "around",
    [
        world(process((DUE_AT - 1, DUE_AT + 2), killed_at=DUE_AT + 2.4)),
        # A quarter of a second may lie between two tries.
        world(process(killed_at=DUE_AT + 2.9), away=[(DUE_AT + 0.1, DUE_AT + 2.1)]),
    ],
)
def test_a_process_need_not_begin_while_it_sleeps_or_the_database_is_away(around):
    assert fate(life(), IN_HAND, around) is Fate.DEATH


def test_nor_with_what_came_too_late_for_it_or_for_the_user():
    killed = world(process(killed_at=DUE_AT + 3.5))
    late = grant(token(consumption(ended_at=DUE_AT + 2.5)), token())
    assert fate(life(), late, killed) is Fate.DEATH
    reconnected = life(until=DUE_AT + 0.4)
    assert fate(reconnected, IN_HAND, world(process(killed_at=DUE_AT + 1))) is Fate.DEATH


def test_a_standstill_after_the_budget_excuses_no_more():
    late = process((DUE_AT + 5, DUE_AT + 10), killed_at=DUE_AT + 10.5)
    assert fate(life(), IN_HAND, world(late)) is Fate.NOT_STORED


def test_the_death_of_another_process_excuses_nothing():
    others = world(other=process(killed_at=DUE_AT))
    assert fate(life(), IN_HAND, others) is Fate.NOT_STORED


@pytest.mark.parametrize(
    ("away", "expected"),
    [
        ([(DUE_AT - 1, DUE_AT + 4)], Fate.DATABASE),
        ([(DUE_AT - 1, DUE_AT + 1)], Fate.NOT_STORED),
        ([(DUE_AT + 1.5, DUE_AT + 9)], Fate.NOT_STORED),
        # Three tenths of a second between two absences are no chance.
        ([(DUE_AT - 1, DUE_AT + 1), (DUE_AT + 1.3, DUE_AT + 5)], Fate.DATABASE),
    ],
)
def test_the_database_excuses_when_it_is_away_for_the_budget(away, expected):
    assert fate(life(), IN_HAND, world(away=away)) is expected


@pytest.mark.parametrize(
    ("until", "expected"), [(DUE_AT + 8, Fate.NOT_STORED), (DUE_AT + 13, Fate.STOOD_STILL)]
)
def test_a_standstill_excuses_when_it_outlasts_the_quarantine(until, expected):
    sleeper = process((DUE_AT - 1, until))
    assert fate(life(), IN_HAND, world(sleeper)) is expected


def test_the_quarantine_begins_when_the_intent_was_written():
    slept_before = grant(token(consumption(intended_at=DUE_AT - 8.5)), token())
    sleeper = process((DUE_AT - 8.5, DUE_AT - 0.1), (DUE_AT + 0.1, DUE_AT + 5))
    assert fate(life(), slept_before, world(sleeper)) is Fate.STOOD_STILL


def test_a_sleeper_who_wakes_to_a_database_that_is_away_is_excused():
    sleeper = process((DUE_AT + 0.01, DUE_AT + 8.5))
    away = [(DUE_AT + 8.4, DUE_AT + 13)]
    assert fate(life(), IN_HAND, world(sleeper, away=away)) is Fate.DATABASE


def test_an_answer_that_the_user_reconnected_on_top_of_belongs_to_nobody():
    assert fate(life(until=DUE_AT + 0.1), IN_HAND, world()) is Fate.KEPT


def test_what_the_user_removed_is_the_users():
    removed = grant(ended_at=130.0, ended_by="person")
    assert fate(life(), removed, world()) is Fate.PERSON


def test_a_token_consumed_before_the_user_removed_it_was_lost_before():
    removed = grant(token(consumption()), token(), ended_at=130.0, ended_by="person")
    assert fate(life(), removed, world()) is Fate.NOT_STORED


def test_what_this_site_revoked_is_its_own_doing():
    revoked = grant(ended_at=130.0, ended_by="client")
    assert fate(life(), revoked, world()) is Fate.REVOKED


def reused(again):
    uses = consumption(), refusal(again, agent="other")
    return grant(token(*uses), token(), ended_at=again, ended_by="reuse")


def test_a_second_send_beside_a_stored_answer_could_have_been_left():
    assert fate(life(held=2), reused(DUE_AT + 5), world()) is Fate.SENT_TWICE


@pytest.mark.parametrize(
    ("again", "expected"),
    [(DUE_AT + 11, Fate.SENT_TWICE), (DUE_AT + 12.5, Fate.STOOD_STILL)],
)
def test_a_sleeper_who_stores_too_late_is_excused_after_the_quarantine(again, expected):
    sleeper = process((DUE_AT - 1, DUE_AT + 13))
    assert fate(life(held=2), reused(again), world(sleeper)) is expected


@pytest.mark.parametrize(
    ("away_until", "expected"), [(3.5, Fate.STOOD_STILL), (2.5, Fate.SENT_TWICE)]
)
def test_nor_could_a_sleeper_store_before_its_sleep_while_the_database_was_away(
    away_until, expected
):
    sleeper = process((DUE_AT + 4, DUE_AT + 13))
    around = world(sleeper, away=[(DUE_AT - 1, DUE_AT + away_until)])
    assert fate(life(held=2), reused(DUE_AT + 12.5), around) is expected


def test_of_all_tokens_the_one_that_came_again_is_looked_at():
    sleeper = process((DUE_AT - 1, DUE_AT + 13))
    before = token(consumption(at=DUE_AT - 10, agent="other"))
    held = life(held=3)
    for again, expected in ((DUE_AT + 5, Fate.SENT_TWICE), (DUE_AT + 12.5, Fate.STOOD_STILL)):
        older = grant(before, *reused(again).tokens, ended_at=again, ended_by="reuse")
        assert fate(held, older, world(sleeper)) is expected


def test_the_first_of_several_second_sends_did_the_harm():
    sleeper = process((DUE_AT - 1, DUE_AT + 13))
    uses = consumption(), refusal(DUE_AT + 5), refusal(DUE_AT + 12.5)
    often = grant(token(*uses), token(), ended_at=DUE_AT + 5, ended_by="reuse")
    assert fate(life(held=2), often, world(sleeper)) is Fate.SENT_TWICE


def test_every_fate_is_kept_or_avoidable_or_not():
    assert AVOIDABLE.isdisjoint(UNAVOIDABLE)
    assert set(Fate) == {Fate.KEPT, *AVOIDABLE, *UNAVOIDABLE}


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (grant(), True),
        (grant(token(consumption(at=130.0))), True),
        (grant(ended_at=130.0, ended_by="person"), True),
        (grant(token(consumption())), False),
        (grant(ended_at=119.0, ended_by="person"), False),
    ],
)
def test_an_end_is_false_when_the_server_would_have_taken_the_token(of, expected):
    assert is_false_end(ended(120.0), of) is expected


def refused_calls(*moments, by_http=True):
    return tuple(RefusedCall(at=at, by_http=by_http) for at in moments)


FORCED = token(issued_at=115.0)


@pytest.mark.parametrize(
    ("calls", "at", "expected"),
    [
        (refused_calls(114.0, 119.0), 120.0, True),
        # The first one may come in a 200.
        (refused_calls(114.0, by_http=False) + refused_calls(119.0), 120.0, True),
        (refused_calls(114.0) + refused_calls(119.0, by_http=False), 120.0, False),
        (refused_calls(114.0), 120.0, False),
        (refused_calls(119.0, 119.5), 120.0, False),
        (refused_calls(99.0, 119.0), 120.0, False),
        (refused_calls(114.0, 121.0), 120.0, False),
        # The forced refresh was too long ago.
        (refused_calls(114.0, 175.0), 176.0, False),
    ],
)
def test_a_link_ends_as_unauthorized_when_the_api_refused_it_before_and_after_a_refresh(
    calls, at, expected
):
    of = replace(grant(token(consumption()), FORCED), refused_calls=calls)
    assert is_unauthorized(ended(at, "unauthorized", held=2), of) is expected
    assert is_false_end(ended(at, "unauthorized", held=2), of) is not expected
    assert not is_unauthorized(ended(at, "answer_lost", held=2), of)


def test_who_ends_rightly_as_unauthorized_gives_the_right_reason():
    removed = grant(token(consumption()), FORCED, ended_at=125.0, ended_by="person")
    of = replace(removed, refused_calls=refused_calls(114.0, 119.0))
    assert not has_wrong_reason(ended(120.0, "unauthorized", held=2), of, Fate.PERSON)


def test_a_living_link_has_no_false_end():
    assert not is_false_end(life(), grant())


@pytest.mark.parametrize("which", sorted(UNAVOIDABLE - {Fate.PERSON}))
def test_what_we_lost_is_never_laid_at_the_users_door(which):
    lost = grant(token(consumption(delivered=False)))
    assert has_wrong_reason(ended(130.0, "revoked_at_buffer"), lost, which)
    assert not has_wrong_reason(ended(130.0, "answer_lost"), lost, which)


@pytest.mark.parametrize(
    ("facts", "reason", "expected"),
    [
        ({}, "revoked_at_buffer", False),
        ({}, "answer_lost", True),
        ({}, "expired", True),
        ({"resent": True}, "answer_lost", False),
        ({"doubted": True}, "answer_lost", False),
        ({"doubted": True}, "refresh_token_reused", True),
    ],
)
def test_what_the_user_removed_is_called_so_unless_we_were_in_doubt(facts, reason, expected):
    removed = grant(ended_at=119.0, ended_by="person")
    assert has_wrong_reason(ended(120.0, reason, **facts), removed, Fate.PERSON) is expected


def test_a_link_that_was_not_called_ended_gives_no_reason():
    assert not has_wrong_reason(life(), IN_HAND, Fate.NOT_STORED)


def test_a_false_end_is_not_counted_again_for_its_reason():
    assert not has_wrong_reason(ended(120.0, "expired"), grant(), Fate.PERSON)


def test_right_reasons_name_no_cause_that_was_not():
    assert "expired" not in {reason for which in Fate for reason in right_reasons(life(), which)}


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ([use(at=110.0)], 0),
        ([use(at=110.0), use(at=115.0)], 1),
        ([use(at=110.0), use(at=117.0)], 0),
        ([use(at=110.0, status=429), use(at=113.0)], 0),
        ([use(at=110.0, status=401), use(at=113.0), use(at=115.0)], 1),
        ([use(at=110.0, status=None), use(at=111.0), use(at=112.0)], 2),
        ([use(at=110.0, status=503), use(at=113.0)], 1),
        ([use(at=110.0, status=503), refusal(at=113.0), refusal(at=114.0)], 1),
        ([use(at=110.0, status=400, fault="oauth_error"), use(at=113.0)], 1),
        ([use(at=110.0, status=400, **MISCONFIGURED), use(at=113.0)], 0),
        ([use(at=110.0, status=307, fault="redirect"), use(at=113.0)], 1),
        ([refusal(at=110.0, fault="slow"), refusal(at=113.0)], 0),
    ],
)
def test_a_second_send_counts_while_the_access_token_lives(uses, expected):
    assert len(list(second_sends(grant(token(*uses)), token_life=16.0))) == expected


def test_a_refresh_counts_as_forced_for_as_long_as_the_protocol_says():
    assert judge.FORCED == statements.FORCED_FOR


@pytest.mark.parametrize(
    ("facts", "reason", "expected"),
    [
        ({"yielded": True, "doubted": True}, "answer_lost", True),
        ({"yielded": True}, "answer_lost", False),
        ({"doubted": True}, "answer_lost", False),
        ({"yielded": True, "doubted": True}, "revoked_at_buffer", False),
    ],
)
def test_only_a_link_in_doubt_may_be_given_up_for_another(facts, reason, expected):
    given_up = ended(120.0, reason, **facts)
    assert (fate(given_up, grant(), world()) is Fate.YIELDED) is expected
    assert is_false_end(given_up, grant()) is not expected
