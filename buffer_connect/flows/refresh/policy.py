"""REFRESH_POLICY: which links are refreshed ahead, and which rest until somebody needs them."""

import random
from datetime import timedelta

from buffer_connect.conf import conf
from buffer_connect.oauth import lives

# A call is noted at most so often, so there may have been another one since.
USE_NOTED_EVERY = timedelta(days=1)


def due_in(life: float, *, rests: bool) -> float:
    """Return the seconds from now, when tokens with `life` are stored, to the next refresh."""
    return lives.due_in(life, margin=conf.timing.margin, random=random.random, rests=rests)


def rests(unused_for: timedelta | None) -> bool:
    """Return whether a link is only kept alive; `unused_for` as in `BufferLink`."""
    match conf.refresh_policy:
        case "eager":
            return False
        case "on_demand":
            return True
    return unused_for is None or unused_for >= conf.active_within + USE_NOTED_EVERY
