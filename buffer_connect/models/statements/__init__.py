"""The protocol's SQL: what reads a link for a decision, and all that changes it once it is made.

The letters are those of the state machine in docs/protocol: S schedule, J reject, T1 claim,
T2 intent, T3 store, T4 release, T5 surely not used, T6 unknown, T7 refused, E lapse,
U unauthorized, R reconnect, D disconnect.
"""

from buffer_connect.models.statements.reading import breaker_is_open, read, read_claimed
from buffer_connect.models.statements.refresh import (
    FORCED_FOR,
    block,
    claim,
    doubt,
    doubt_ended,
    due,
    note_use,
    postpone,
    record_intent,
    reject,
    release,
    schedule,
    schedule_all,
    schedule_held,
    unsend,
)
from buffer_connect.models.statements.store import (
    disconnect,
    give_up,
    lapse,
    lapsed,
    reconnect,
    refuse,
    restore,
    store,
    store_refresh_token,
    unauthorized,
)

__all__ = [
    "FORCED_FOR",
    "block",
    "breaker_is_open",
    "claim",
    "disconnect",
    "doubt",
    "doubt_ended",
    "due",
    "give_up",
    "lapse",
    "lapsed",
    "note_use",
    "postpone",
    "read",
    "read_claimed",
    "reconnect",
    "record_intent",
    "refuse",
    "reject",
    "release",
    "restore",
    "schedule",
    "schedule_all",
    "schedule_held",
    "store",
    "store_refresh_token",
    "unauthorized",
    "unsend",
]
