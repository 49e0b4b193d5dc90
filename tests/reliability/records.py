"""Made-up records of a run: a minute in which one token went out, and what was around it."""

from benchmarks.reliability.records import Grant, Life, Process, Span, Token, Use, World

# The numbers of every made-up run.
TOKEN_LIFE, CONNECT, TOTAL, COMMIT, QUARANTINE, BEAT = 16.0, 0.5, 2.0, 3.0, 12.0, 1.0
ISSUED_AT = 100.0
DUE_AT = 110.0
END = 160.0


def use(at=DUE_AT, *, agent="worker", **facts):
    """A request that was answered at once."""
    told = {"intended_at": at, "sent_at": at, "ended_at": at, "status": 200, **facts}
    return Use(agent=agent, at=at, **told)


def consumption(at=DUE_AT, **facts):
    """A request that used the token up, and whose answer was written in full."""
    return use(at, **{"consumed": True, "delivered": True, **facts})


def refusal(at, **facts):
    return use(at, status=400, **facts)


def token(*uses, issued_at=ISSUED_AT):
    return Token(digest="", issued_at=issued_at, uses=uses)


def grant(*tokens, ended_at=None, ended_by=""):
    return Grant(tokens=tokens or (token(),), ended_at=ended_at, ended_by=ended_by)


def life(**facts):
    return Life(**{"link": 1, "epoch": "one", "held": 1, "until": END, **facts})


def ended(at, reason="answer_lost", **facts):
    return life(ended_at=at, reason=reason, **facts)


def spans(pairs):
    return tuple(Span(start=start, end=end) for start, end in pairs)


def process(*standstills, killed_at=None):
    """A process that was there all the time, or until it was killed."""
    return Process(
        lived=Span(start=0.0, end=killed_at or END),
        killed_at=killed_at,
        standstills=spans(standstills),
    )


def world(worker=None, *, away=(), halted=(), **others):
    return World(
        processes={"worker": worker or process(), "other": process(), **others},
        database_away=spans(away),
        halted=spans(halted),
        beat=BEAT,
        token_life=TOKEN_LIFE,
        connect=CONNECT,
        total=TOTAL,
        commit=COMMIT,
        quarantine=QUARANTINE,
    )
