"""Each statement of the protocol is known by a piece of its text."""

import pytest

from benchmarks.reliability.steps import step_of
from buffer_connect.models import statements
from buffer_connect.models.statements import refresh


@pytest.mark.parametrize(
    ("statement", "step"),
    [
        (refresh._claim, "T1"),
        (refresh._claim_returning, "T1"),
        (refresh._claim_to_send, "T1 and T2"),
        (refresh._release, "T4"),
        (refresh._block, "T4b"),
        (refresh.postpone, "T5"),
        (refresh.doubt, "T6"),
        (refresh.doubt_ended, "T6"),
        (refresh._reject, None),
        (statements.store, "T3"),
        (statements.store_refresh_token, "T3"),
        (statements.reconnect, None),
    ],
)
def test_a_statement_is_known_as_its_step(statement, step):
    assert step_of(statement.text) == step
