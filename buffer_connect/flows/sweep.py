"""What every beat does: refresh what is due, then tell Buffer what it is owed."""

from buffer_connect.flows import revocation
from buffer_connect.flows.refresh.sweep import CLAIMS_FOR
from buffer_connect.flows.refresh.sweep import sweep as refresh_due
from buffer_connect.stopping import Stop


def sweep(*, seconds: float = CLAIMS_FOR, stop: Stop | None = None) -> int:
    """Refresh the links that are due and end those that have lapsed, then send the outbox.

    Claims for at most `seconds`, then finishes what it claimed; once `stop` is set only what is
    out. Returns how many links it claimed. Safe beside any number of other sweeps and callers.
    """
    claimed = refresh_due(seconds=seconds, stop=stop)
    revocation.send_due(stop=stop)
    return claimed
