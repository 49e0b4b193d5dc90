"""The statements do to each row what the model says, and nothing to any other row."""

from contextlib import contextmanager

import pytest
from django.db import transaction

from buffer_connect.models import statements
from tests.model import row as rows
from tests.model.database import OURS, QUARANTINE, insert, stored, uuid_of
from tests.model.pairs import PAIRS
from tests.model.reachable import every_row, near
from tests.model.row import Held

ME = 0
# What was held before the rows came to where they are.
STALE = [Held(1, 1), Held(0, 2)]
# What changes no link, or nothing that a statement asks for.
NOT_MODELLED = {
    "FORCED_FOR",
    "adopt",
    "draw",
    "halts",
    "overdraw",
    "mark_restored",
    "note_use",
    "read",
    "read_claimed",
    "reseal_link",
    "reseal_request",
    "reseal_revocation",
}
# Of several rows at once.
OF_MANY = {"due", "lapsed", "retry_held_back", "schedule_all"}


def conforms(pair, written):
    """Check one statement on each of `written`, the model's rows by the id of what stands for them."""
    check(pair, written, written, lambda row: row.held)
    assert any(is_touched(pair, row) for row in written.values())
    for stale in STALE:
        check(pair, written, written, lambda row, held=stale: held)


def check(pair, written, asked, told):
    """Check one statement on `asked`, where `told` says what was held when they were read."""
    expected = dict(written)
    with undone():
        for pk, row in asked.items():
            held = told(row)
            after = pair.model(row, held, ME)
            values = {"pk": pk, "epoch": uuid_of(held.epoch), "generation": held.generation}
            assert pair.real(values, uuid_of(ME)) == (after is not None), f"{row} {held}"
            expected[pk] = after or row
        assert stored() == expected


def is_touched(pair, row):
    return pair.model(row, row.held, ME) is not None


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def instance(settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "INSTANCE": OURS}


@pytest.fixture
def some_rows(db):
    """One row in fifty, and some that each statement changes, with all that are near them."""
    few = every_row()[::50]
    for pair in PAIRS.values():
        touched = {
            (row.sent, row.sent_over): row for row in reversed(every_row()) if is_touched(pair, row)
        }
        few += [each for row in touched.values() for each in (row, *near(row))]
    return insert(dict.fromkeys(few))


def test_the_statements_do_what_their_models_say(some_rows):
    for pair in PAIRS.values():
        conforms(pair, some_rows)


@pytest.mark.long
@pytest.mark.parametrize("name", PAIRS)
def test_a_statement_does_to_every_row_what_its_model_says(db, name):
    unreachable = [each for row in every_row()[::20] for each in near(row)]
    conforms(PAIRS[name], insert(dict.fromkeys(every_row() + unreachable)))


def test_what_is_due_is_what_can_be_claimed(some_rows):
    claimable = {pk for pk, row in some_rows.items() if rows.claim(row, ME)}
    assert set(statements.due(quarantine=QUARANTINE, limit=len(some_rows))) == claimable


def test_what_has_lapsed_is_what_lapses(some_rows):
    over = {pk for pk, row in some_rows.items() if rows.lapse(row) and row.due is None}
    assert {pk for (pk,) in statements.lapsed.rows(limit=len(some_rows))} == over


def test_several_are_scheduled_as_one_is(some_rows):
    expected = {pk: rows.schedule(row) or row for pk, row in some_rows.items()}
    statements.schedule_all(ids=list(some_rows))
    assert stored() == expected


def test_all_that_was_held_back_is_retried(some_rows):
    expected = {pk: rows.retry_held_back(row) or row for pk, row in some_rows.items()}
    assert statements.retry_held_back() == sum(
        1 for pk in some_rows if expected[pk] != some_rows[pk]
    )
    assert stored() == expected


def test_every_statement_has_a_model():
    modelled = {name.partition(",")[0] for name in PAIRS}
    assert modelled | OF_MANY | NOT_MODELLED == set(statements.__all__)
