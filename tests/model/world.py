"""What a row does not tell: the server, the requests under way, and the workers."""

from enum import StrEnum
from typing import NamedTuple

from tests.model.row import Held, Row

NAMES = "AB"


class Stage(StrEnum):
    """How far a worker has come. It may stand still in each of them for as long as it likes."""

    IDLE = "idle"
    # T1 is done, and the row is read.
    CLAIMED = "claimed"
    # T8: the server has said what it knows of the token in doubt.
    ASKED = "asked"
    # T2 is done; no byte has left.
    INTENDED = "intended"
    SENT = "sent"
    ANSWERED = "answered"
    # T3 met no active link.
    TURNED_AWAY = "turned away"
    # T7: the row was read once more, and the reason found.
    JUDGED = "judged"


class Known(StrEnum):
    """What the server says of a token in doubt."""

    ACTIVE = "active"
    NOT_ACTIVE = "not active"
    # It is not asked, does not answer, or its word does not count.
    NOTHING = "nothing"


class Answer(StrEnum):
    """What a request came back with."""

    NONE = ""
    TOKENS = "tokens"
    # Cut off behind the refresh token.
    SALVAGED = "a refresh token"
    REFUSED = "invalid_grant"
    # 429, invalid_client and the like; or it never left.
    UNUSED = "surely not used"
    # A complete error of the token endpoint: this request is over; whether it was used is open.
    ERROR = "server_error"
    # A gateway's 5xx, a time-out, a broken connection: it may even be under way still.
    UNKNOWN = "unknown"


GIVEN = (Answer.TOKENS, Answer.SALVAGED)


class Worker(NamedTuple):
    """What one process remembers of the link that it refreshes."""

    stage: Stage = Stage.IDLE
    held: Held = Held(0, 0)
    # What T2 writes, or has written.
    sent_count: int = 0
    # The row was in doubt when it was claimed.
    again: bool = False
    # The last moment at which it may send lies ahead.
    in_time: bool = False
    known: Known = Known.NOTHING
    answer: Answer = Answer.NONE
    reason: str = ""
    # The quarantine has passed since the answer came.
    overslept: bool = False


IDLE = Worker()


class Request(NamedTuple):
    """A refresh token on the wire, and the worker that waits for the answer, or NOBODY."""

    held: Held
    sender: int


class Server(NamedTuple):
    """The grant at Buffer on which the row lives, since the user connected last."""

    # The generation of the refresh token that works.
    good: int = 1
    ended: str = ""

    def is_good(self, held):
        """Return whether the refresh token of `held`, a token of this grant, works."""
        return not self.ended and self.good == held.generation

    def use(self, held):
        """Return the server after this use of a token: each works once, or the grant ends."""
        if self.ended:
            return self
        if self.good == held.generation:
            return self._replace(good=held.generation + 1)
        return self._replace(ended=BY_SECOND_USE)


BY_USER, BY_SECOND_USE = "by the user", "by a second use"


class State(NamedTuple):
    """Everything, at one moment."""

    row: Row = Row()
    workers: tuple[Worker, Worker] = (IDLE, IDLE)
    server: Server = Server()
    wire: tuple[Request, ...] = ()
    # What went out last and was not taken back by T5.
    out: Held | None = None
    # What was answered by tokens that were stored by a worker which had overslept.
    late: Held | None = None
    kills: int = 0

    def having(self, me, worker, row=None, **changed):
        """Return the state with another worker `me`, and another row where there is one."""
        workers = (worker, self.workers[1]) if me == 0 else (self.workers[0], worker)
        return self._replace(workers=workers, row=row or self.row, **changed)
