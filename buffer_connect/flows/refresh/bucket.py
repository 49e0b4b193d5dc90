"""The bucket: all processes together send at most so many refreshes a second.

After an outage everything is due at once. TIMING["SENDS_PER_SECOND"] lets the sweeps catch up
without a stampede, soonest due first. A caller does not wait: the sweeps send so many less.
"""

from itertools import count

from buffer_connect.conf import conf
from buffer_connect.models import ServiceState, statements

NAME = "bucket"
# Where there is not enough for a whole batch, it takes a quarter of what one second allows.
PORTIONS = 4
# Seconds, after which there is a portion again.
REFILLS_IN = 1 / PORTIONS
# What the callers of this process have sent; counting is one step, whatever the thread.
_sent_by_callers = count(1)


def take(wanted: int) -> int:
    """Return for how many of `wanted` refreshes there is leave now; it is used up by that."""
    rate = conf.timing.sends_per_second
    for sends in (min(wanted, rate), min(wanted, _portion(rate))):
        if statements.draw(sends=sends, rate=rate):
            return sends
    return take(wanted) if ServiceState.objects.make(NAME) else 0


def give_back(sends: int) -> None:
    """Return the leave for refreshes that were not sent after all."""
    if sends:
        statements.overdraw(sends=-sends, rate=conf.timing.sends_per_second)


def owe() -> None:
    """Count the refresh of a caller; a portion of them is written down as one."""
    rate = conf.timing.sends_per_second
    portion = _portion(rate)
    if next(_sent_by_callers) % portion == 0:
        statements.overdraw(sends=portion, rate=rate)


def _portion(rate: int) -> int:
    return max(1, rate // PORTIONS)
