"""What the protocol is searched with, and which weak protocols must not survive a search."""

from functools import cache

from tests.model import weak
from tests.model.protocol import Protocol
from tests.model.search import Search

ONE_WORKER = Protocol(workers=1)
WORLDS = {
    "two workers, two kills": Protocol(),
    "two workers, and an API that answers 401, rightly or wrongly": Protocol(kills=0, callers=True),
    "two workers, two kills, another link on the same Buffer account": Protocol(sibling=True),
    "two workers, two kills, and a brake that goes on and is taken off": Protocol(brake=True),
}

WEAK = {
    "without the quarantine": weak.WithoutQuarantine(kills=0),
    "without the wait for the access token's end": weak.WithoutWait(kills=0),
    "fenced by the lease's owner": weak.FencedByOwner(kills=0),
    "asking before the quarantine has passed": weak.AsksEarly(kills=0),
    "taking a gateway's error for the end of a request": weak.GatewayIsTheEnd(kills=0),
    "taking an answer that nobody heard for the end of the link": weak.EndsInDoubt(kills=0),
    "connecting again in the same epoch": weak.WithoutEpoch(kills=0),
    "taking every refusal for the user's revocation": weak.BlamesTheUser(kills=0),
}


@cache
def searched(name):
    """Return the finished search of one of `WORLDS`."""
    return Search(WORLDS[name])
