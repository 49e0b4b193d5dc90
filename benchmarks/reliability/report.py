"""The table of a run, and whether everything is 0 that has to be."""

import statistics
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.reliability import figures, timing
from benchmarks.reliability.figures import Grip, Recovery
from benchmarks.reliability.findings import Findings
from benchmarks.reliability.judge import AVOIDABLE, UNAVOIDABLE

UNEXPECTED = "unexpected"
AVOIDABLE_LOSSES = "avoidable losses"
PINNED = "connections pinned by a slow endpoint"
LATE_COMMITS = f"commits later than {figures.LATE:.0f} s, beyond one in {figures.ONE_IN}"
# How long a link may wait that a killed process had in its hands, in seconds, and why.
# A sweep that is under way waits for what it has out before it begins anew. What was sent early,
# because the API had refused its access token, waits for that token's end and not the quarantine's.
SWEEP = timing.BEAT + timing.TOTAL
DOUBT = max(timing.QUARANTINE, timing.TOKEN_LIFE) + SWEEP, "access token + beat + request"
LIMITS = {
    Grip.CLAIMED: (timing.LEASE + SWEEP, "lease + beat + request"),
    Grip.WRITTEN: DOUBT,
    Grip.SENT: DOUBT,
    Grip.ANSWERED: DOUBT,
}


def zeros(found: Findings) -> dict[str, int]:
    """Return what has to be 0, by the name of its line."""
    unexpected = sum(n for name, n in found.calls.items() if name.startswith(UNEXPECTED))
    return {
        AVOIDABLE_LOSSES: found.avoidable,
        "links never taken up again": sum(verdict.is_forgotten for verdict in found.verdicts),
        "recoveries over their limit": sum(map(_is_late, found.recoveries)),
        "second sends while the access token lived": found.second_sends,
        "false revocations": sum(verdict.is_false_end for verdict in found.verdicts),
        "wrong reasons": sum(verdict.has_wrong_reason for verdict in found.verdicts),
        LATE_COMMITS: figures.late_commits(found.commit_times),
        "requests out for longer than connect + total + slack": found.out_for_too_long,
        PINNED: found.pinned.held if found.pinned else 0,
        "errors that no caller expects": unexpected,
        "processes that fell over by themselves": len(found.fell_over),
    }


def _is_late(recovery: Recovery) -> bool:
    limit, _ = LIMITS[recovery.grip]
    return recovery.taken_up is not None and recovery.taken_up > limit


def unmet(found: Findings) -> list[str]:
    """Return what a run has to meet before its zeros say anything, and this one did not."""
    met = {"refresh": found.refreshes}
    if found.standstills_only:
        met["standstill"] = _signals(found, "SIGSTOP")
    else:
        met["fault of the server"] = found.faults.total()
        met["SIGKILL"] = _signals(found, "SIGKILL")
        if found.pinned is not None:
            met["database session while a request was slow"] = found.pinned.seen
    return [name for name, number in met.items() if not number]


def _signals(found: Findings, name: str) -> int:
    return sum(number for what, number in found.done.items() if what.startswith(name))


def is_clean(found: Findings) -> bool:
    """Return whether something was shown at all, and all is 0 that has to be."""
    return not unmet(found) and not any(zeros(found).values())


def lines(found: Findings) -> Iterator[str]:
    """Give the table, line by line."""
    yield _line("refreshes done", found.refreshes)
    yield from _counted("requests that met a fault at the server", found.faults)
    yield from _counted("done to processes, database and grants", found.done)
    yield from _zeros(found)
    yield from _losses(found)
    yield from _recoveries(found.recoveries)
    yield from _commit_times(found.commit_times)
    calls = {name or "answered": number for name, number in found.calls.items()}
    yield from _counted("calls", calls)
    yield from (
        f"\n{verdict.title}: {verdict.charge}" for verdict in found.verdicts if verdict.charge
    )
    if missing := unmet(found):
        yield f"\nThis run shows nothing, for it met no {', and no '.join(missing)}."


def _zeros(found: Findings) -> Iterator[str]:
    yield from ("", "has to be 0")
    for name, number in zeros(found).items():
        has_none = name == PINNED and found.pinned is None
        yield _line(f"  {name}", "no sessions" if has_none else number)
        if name == AVOIDABLE_LOSSES and not number:
            bound = 100 * figures.bound(found.refreshes)
            yield f"    with 95 % confidence under {bound:.2f} % of the refreshes, for this mix of faults"


def _losses(found: Findings) -> Iterator[str]:
    fates = found.fates
    yield from _counted(
        "losses that no client can save", {f: fates[f] for f in sorted(UNAVOIDABLE)}
    )
    yield from _counted("losses that one can", {f: fates[f] for f in sorted(AVOIDABLE) if fates[f]})


def _recoveries(found: Sequence[Recovery]) -> Iterator[str]:
    yield ""
    yield f"{'recovery after SIGKILL, in seconds':36}{'links':>10}{'median':>10}{'most':>10}{'limit':>10}"
    for grip in Grip:
        own = [each.taken_up for each in found if each.grip is grip and each.taken_up is not None]
        middle, most = (statistics.median(own), max(own)) if own else (0.0, 0.0)
        limit, name = LIMITS[grip]
        yield f"  {grip:34}{len(own):10}{middle:10.1f}{most:10.1f}{limit:10.1f} ({name})"
    yield "  (until it is taken up again; time in which no sweep could have done that does not count)"


def _commit_times(found: Sequence[float]) -> Iterator[str]:
    yield ""
    half, most = (1000 * figures.percentile(found, percent) for percent in (50, 99))
    yield f"from the last byte to the durable commit: p50 {half:.1f} ms, p99 {most:.1f} ms"


def _counted(title: str, counted: Mapping[str, int]) -> Iterator[str]:
    if not counted:
        return
    yield ""
    yield _line(title, sum(counted.values()))
    for name, number in sorted(counted.items(), key=lambda item: -item[1]):
        yield _line(f"  {name}", number)


def _line(name: str, number: int | str) -> str:
    shown = number if isinstance(number, str) else f"{number:,}"
    return f"{name:55}{shown:>12}"
