"""Every row that the statements can make of a new link, in whatever order they run."""

from functools import lru_cache

from tests.model import row as rows
from tests.model.alike import NOW
from tests.model.pairs import PAIRS
from tests.model.row import ACTIVE, REVOKED, SEVERAL

WORKERS = (0, 1)
TIME = {
    "lives": {True: False},
    "leased": {True: False},
    "forced": {True: False},
    "waiting": {True: False},
    "due": {False: True},
}


@lru_cache(maxsize=1)
def every_row():
    """Return them, each in its first epoch and second generation, the simplest first."""
    start = _numbered(rows.reconnect(rows.Row()))
    found = {start: None}
    waiting = [start]
    for row in waiting:
        for after in map(_numbered, _next(row)):
            if after not in found:
                found[after] = None
                waiting.append(after)
    return list(found)


def near(row):
    """Return rows that no statement makes: unlike a reachable one in one thing only.

    What a statement asks for counts there, too: it trusts no other statement.
    """
    flags = [name for name, value in row._asdict().items() if isinstance(value, bool)]
    other = [row._replace(**{name: not getattr(row, name)}) for name in flags]
    other += [row._replace(due=due) for due in (None, False, True) if due is not row.due]
    other += [row._replace(status=status, reason="unauthorized") for status in (ACTIVE, REVOKED)]
    return [each for each in other if _is_possible(each)]


def _is_possible(row):
    """Whether the database takes it, and the model can tell it."""
    has_no_token = not (row.refresh_token or row.access_token)
    is_kept = row.status == ACTIVE or has_no_token or row.reason == "unauthorized"
    is_told = row.sent or not (row.sent_over or row.quarantined)
    return is_kept and is_told and (row.owner is not None or not row.leased)


def _next(row):
    for pair in PAIRS.values():
        yield from filter(None, (pair.model(row, row.held, me) for me in WORKERS))
    yield from filter(None, [rows.retry_held_back(row)])
    for name, passes in TIME.items():
        if getattr(row, name) in passes:
            yield row._replace(**{name: passes[getattr(row, name)]})
    if row.sent:
        yield row._replace(quarantined=True)


def _numbered(row):
    """Count from where the row is, and leave out what no statement can ask for."""
    row = row._replace(epoch=1, generation=NOW)
    if row.anomaly and not (row.sent and row.sent_count == SEVERAL):
        row = row._replace(anomaly=False)
    if row.status != ACTIVE:
        row = row._replace(lives=False, due=None if row.due is None else True, waiting=False)
    return row
