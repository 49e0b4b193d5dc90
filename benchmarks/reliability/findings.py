"""What one run has shown. Pure: the values alone; `inquiry` makes them of what was collected."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.reliability import judge
from benchmarks.reliability.figures import Pinned, Recovery
from benchmarks.reliability.judge import Fate
from benchmarks.reliability.records import Grant, Life, World


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One epoch and what became of it."""

    life: Life
    fate: Fate
    is_forgotten: bool
    is_false_end: bool
    has_wrong_reason: bool
    # What speaks against the protocol, in full; empty where nothing does.
    charge: str

    @property
    def title(self) -> str:
        """What became of it, in a word."""
        return "never taken up again" if self.is_forgotten else str(self.fate)

    @classmethod
    def on(cls, life: Life, grant: Grant, world: World) -> "Verdict":
        """Judge one epoch."""
        fate = judge.fate(life, grant, world)
        against = {
            "is_forgotten": judge.is_forgotten(life, world),
            "is_false_end": judge.is_false_end(life, grant),
            "has_wrong_reason": judge.has_wrong_reason(life, grant, fate),
        }
        is_charged = fate in judge.AVOIDABLE or any(against.values())
        charge = _charge(life, grant, world) if is_charged else ""
        return cls(life=life, fate=fate, charge=charge, **against)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The numbers of the table. Times are seconds."""

    # Whether nothing was to go wrong but that processes stood still.
    standstills_only: bool
    refreshes: int
    # Requests that met a fault of the server, by kind; and what else was done.
    faults: Counter[str]
    done: Counter[str]
    verdicts: Sequence[Verdict]
    second_sends: int
    out_for_too_long: int
    recoveries: Sequence[Recovery]
    commit_times: Sequence[float]
    # None where the database has no sessions.
    pinned: Pinned | None
    calls: Counter[str]
    fell_over: Sequence[str]

    @property
    def fates(self) -> Counter[Fate]:
        """How many epochs there are of each fate."""
        return Counter(verdict.fate for verdict in self.verdicts)

    @property
    def avoidable(self) -> int:
        """How many links were lost that could have been saved."""
        return sum(self.fates[fate] for fate in judge.AVOIDABLE)


def _charge(life: Life, grant: Grant, world: World) -> str:
    """Return all that is known of an epoch, from the generation before the one held last."""
    tokens = grant.tokens[max(0, life.held - 2) : life.held]
    agents = sorted({use.agent for token in tokens for use in token.uses})
    known = [
        f"{life}",
        *(f"{use}" for token in tokens for use in token.uses),
        *(f"{agent}: {world.processes[agent]}" for agent in agents),
        f"database away: {world.database_away}",
    ]
    return "\n  ".join(known)
