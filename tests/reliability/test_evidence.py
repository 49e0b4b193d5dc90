"""Records are made of what processes noted, and of how links stood."""

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.reliability.evidence import Lives, requests
from benchmarks.reliability.people import Standing
from benchmarks.reliability.records import Request, Span, Step
from buffer_connect.models import BufferLink
from tests.reliability.records import DUE_AT, END, QUARANTINE, grant, process, refusal, token


def send(at, token="one"):
    return {"what": "send", "at": at, "token": token}


def over(at, token="one"):
    return {"what": "over", "at": at, "token": token}


def out(start, end):
    return Request(agent="worker", out=Span(start=start, end=end))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([send(110), over(111)], [out(110, 111)]),
        (
            [send(110), send(110.5, "two"), over(111, "two"), over(112)],
            [out(110.5, 111), out(110, 112)],
        ),
        ([send(110), over(111), send(125), over(126)], [out(110, 111), out(125, 126)]),
        # No connection was made.
        ([over(110)], []),
    ],
)
def test_a_request_is_out_until_its_process_notes_that_it_is_over(lines, expected):
    assert requests({"worker": lines}, {"worker": process()}) == expected


@pytest.mark.parametrize(("killed_at", "end"), [(None, END), (130.0, 130.0)])
def test_one_that_nothing_ended_is_out_until_its_process_is_gone(killed_at, end):
    processes = {"worker": process(killed_at=killed_at)}
    assert requests({"worker": [send(110)]}, processes) == [out(110, end)]


def standing(**facts):
    usual = {
        "link": 1,
        "epoch": "one",
        "generation": 1,
        "status": BufferLink.Status.ACTIVE,
        "reason": "",
        "changed_at": 100.0,
        "has_time_until": 116.0,
        "token": "",
        "at": END,
    }
    return Standing(**{**usual, **facts})


def step(ended, name="T2", *, agent="worker", epoch="one", rows=1):
    held = ((1, epoch, 1),)
    return Step(agent=agent, name=name, began=ended, ended=ended, held=held, rows=rows)


class Alone:
    """No link shares its account, and nothing went out again."""

    def has_active(self, link, moment):
        return False

    def was_resent(self, link, *, since, until):
        return False


class Accompanied(Alone):
    def has_active(self, link, moment):
        return moment < 120.0


ALONE = Alone()


@pytest.mark.parametrize(
    ("ended_at", "siblings", "expected"),
    [
        (117.0, Accompanied(), True),
        # Its access token lives.
        (114.0, Accompanied(), False),
        (121.0, Accompanied(), False),
        (117.0, ALONE, False),
    ],
)
def test_a_link_yields_to_one_that_is_active_when_its_access_token_is_over(
    ended_at, siblings, expected
):
    of = standing(status=BufferLink.Status.REVOKED, reason="answer_lost", changed_at=ended_at)
    assert Lives([], siblings).life(of, grant()).yielded is expected


@pytest.mark.parametrize(
    ("steps", "has_time_until", "expected"),
    [
        ([], 116.0, 116.0),
        ([step(DUE_AT)], 116.0, DUE_AT + QUARANTINE),
        ([step(DUE_AT)], 130.0, 130.0),
        ([step(DUE_AT, epoch="two"), step(DUE_AT, rows=0)], 116.0, 116.0),
        ([step(DUE_AT)], None, None),
    ],
)
def test_a_link_waits_when_its_token_and_the_quarantine_are_over(steps, has_time_until, expected):
    life = Lives(steps, ALONE).life(standing(has_time_until=has_time_until), grant())
    assert life.waits_since == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([step(DUE_AT)], True),
        ([step(DUE_AT), step(DUE_AT, "end")], False),
        ([step(DUE_AT), step(DUE_AT, "T7b")], False),
        ([step(DUE_AT), step(DUE_AT, "T6"), step(DUE_AT + 9), step(DUE_AT + 9, "end")], True),
        # Killed with the refusal in hand; another one gave the link up.
        ([step(DUE_AT), step(DUE_AT + 13, "end", agent="other")], True),
    ],
)
def test_a_refusal_ends_the_doubt_when_it_was_written_down(steps, expected):
    life = Lives(steps, ALONE).life(standing(), grant(token(refusal(DUE_AT))))
    assert life.doubted is expected


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def link(**facts):
    usual = {
        "status": BufferLink.Status.ACTIVE,
        "status_changed_at": NOW,
        "generation": 1,
        "expires_at": later(16),
    }
    return BufferLink(**{**usual, **facts})


@pytest.mark.parametrize(
    ("facts", "until"),
    [
        ({}, later(16)),
        ({"next_attempt_at": later(9)}, later(16)),
        ({"next_attempt_at": later(20)}, later(20)),
        # Of a generation that is over.
        ({"generation": 2, "refused_generation": 1}, later(16)),
    ],
)
def test_a_link_has_time_until_its_token_ends_and_it_may_be_tried_again(facts, until):
    assert Standing.of(link(**facts)).has_time_until == until.timestamp()


@pytest.mark.parametrize(
    "facts", [{"status": BufferLink.Status.REVOKED}, {"refused_generation": 1}]
)
def test_a_link_that_has_ended_or_is_held_back_waits_for_nobody(facts):
    assert Standing.of(link(**facts)).has_time_until is None
