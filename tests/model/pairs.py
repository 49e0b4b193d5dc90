"""Each statement of the package beside the model of it."""

from typing import Any, NamedTuple

from buffer_connect.models import statements
from tests.model import row as rows
from tests.model.database import FORCED_FOR, QUARANTINE, uuid_of
from tests.model.row import ACTIVE, REVOKED

HOUR = 3600.0
PUT_OFF = {"error": "an error", "delay": HOUR}
TOKEN = {"refresh_token": b"next", "digest": "a digest"}
TOKENS = {**TOKEN, "access_token": b"next", "life": HOUR, "due_in": HOUR, "scopes": ""}


class Pair(NamedTuple):
    """Both take the row, what is held and who asks; `held` has the values of the statement."""

    # (row, held, me): the row as it is left, or None.
    model: Any
    # (held, owner): how many rows were changed.
    real: Any


def of_row(model, real):
    return Pair(lambda row, held, me: model(row), lambda held, owner: real(pk=held["pk"]))


def of_held(model, real, *told, **values):
    """Of a statement that is fenced by epoch and generation."""
    return Pair(
        lambda row, held, me: model(row, held, *told), lambda held, owner: real(**held, **values)
    )


def of_owner(model, real, **values):
    """Of a statement that is fenced by the lease, too."""
    return Pair(
        model,
        lambda held, owner: real(**held, owner=owner, **values),
    )


def _release(held, owner):
    return statements.release(pk=held["pk"], owner=owner)


def _claim(held, owner):
    times = {"lease": HOUR, "quarantine": QUARANTINE}
    return len(statements.claim(ids=[held["pk"]], owner=owner, client_key="", **times))


def _record_intent(held, owner):
    return statements.record_intent(owner=owner, held=[tuple(held.values())])


def _reconnect(*, refreshable):
    epoch = uuid_of(2)
    token = b"next" if refreshable else None
    values = {**TOKENS, "epoch": epoch, "refresh_token": token, "refreshable": int(refreshable)}
    return Pair(
        lambda row, held, me: rows.reconnect(row, refreshable),
        lambda held, owner: statements.reconnect(pk=held["pk"], **values),
    )


PAIRS = {
    "schedule": of_row(rows.schedule, statements.schedule),
    "schedule_held": of_held(rows.schedule_held, statements.schedule_held),
    "reject": of_held(rows.reject, statements.reject),
    "claim": Pair(lambda row, held, me: rows.claim(row, me), _claim),
    "claim_to_send": of_owner(
        rows.claim_to_send, statements.claim_to_send, lease=HOUR, client_key=""
    ),
    "record_intent": Pair(rows.record_intent, _record_intent),
    "store": of_held(rows.store, statements.store, ACTIVE, **TOKENS, status=ACTIVE),
    "store, of an ended link": of_held(
        rows.store, statements.store, REVOKED, **TOKENS, status=REVOKED
    ),
    "store_refresh_token": of_held(
        rows.store_refresh_token,
        statements.store_refresh_token,
        ACTIVE,
        **TOKEN,
        **PUT_OFF,
        status=ACTIVE,
    ),
    "store_refresh_token, of an ended link": of_held(
        rows.store_refresh_token,
        statements.store_refresh_token,
        REVOKED,
        **TOKEN,
        **PUT_OFF,
        status=REVOKED,
    ),
    "release": Pair(lambda row, held, me: rows.release(row, me), _release),
    "block": of_owner(rows.block, statements.block, **PUT_OFF),
    "postpone": of_owner(rows.postpone, statements.postpone, **PUT_OFF),
    "doubt": of_owner(rows.doubt, statements.doubt, **PUT_OFF),
    "doubt_ended": of_owner(rows.doubt_ended, statements.doubt_ended, **PUT_OFF),
    "unsend": of_owner(rows.unsend, statements.unsend),
    "refuse": of_held(rows.refuse, statements.refuse, "expired", reason="expired"),
    "hold_back": of_held(rows.hold_back, statements.hold_back, "answer_lost", reason="answer_lost"),
    "refuse_held_back": of_held(
        rows.refuse_held_back, statements.refuse_held_back, "expired", reason="expired"
    ),
    "lapse": Pair(
        lambda row, held, me: rows.lapse(row),
        lambda held, owner: statements.lapse(pk=held["pk"], reason="expired"),
    ),
    "give_up": of_owner(rows.give_up, statements.give_up, reason="answer_lost"),
    "unauthorized": of_held(
        rows.unauthorized, statements.unauthorized, reason="unauthorized", forced_for=FORCED_FOR
    ),
    "restore": of_held(rows.restore, statements.restore),
    "reconnect": _reconnect(refreshable=True),
    "reconnect, without a refresh token": _reconnect(refreshable=False),
    "disconnect": of_held(rows.disconnect, statements.disconnect),
}
