"""Leave out each condition of each statement and fence, and tell which test fails without it.

`python -m tests.mutation` does it for all, and `python -m tests.mutation 'refresh.*'` for some;
'flows.*' and 'models.*' are what is asked through the ORM, in the functions of `fences`. It
ends with 1 when a condition can go though nothing is said of why it says nothing.
"""

import argparse
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.mutation.explained import proof_for
from tests.mutation.fences import FENCES, gaps_of
from tests.mutation.mutants import mutants_of
from tests.mutation.runs import killer_of, learned, require_green

FATES = KILLED, IMPLIED, SURVIVED = "killed", "implied", "survived"


def main():
    options, began = parsed(), perf_counter()
    with TemporaryDirectory() as directory:
        notes = learned(options.notes or Path(directory), options.processes)
    mutants = [
        (name, mutant)
        for name, key in sorted(notes.statements.items())
        if any(fnmatch(name, pattern) for pattern in options.statements)
        for mutant in (gaps_of(name) if name in FENCES else mutants_of(key))
    ]
    chosen = {test for _, mutant in mutants for test in notes.tests_of(mutant.key)[0]}
    require_green(sorted(chosen), options.processes)
    with ThreadPoolExecutor(options.processes) as threads:
        fates = list(watched(threads.map(lambda each: fate(*each, notes), mutants), len(mutants)))
    tell_table(Counter((name, kind) for (name, _), (kind, _) in zip(mutants, fates, strict=True)))
    for (name, mutant), (kind, why) in zip(mutants, fates, strict=True):
        if kind != KILLED or options.all:
            tell(f"{kind}: {name}: {mutant}\n    {why}")
    tell(f"{len(mutants)} conditions, {(perf_counter() - began) / 60:.0f} minutes")
    return any(kind == SURVIVED for kind, _ in fates)


def parsed():
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("statements", nargs="*", default=["*"], help="names, such as 'refresh.*'")
    parser.add_argument("--processes", type=int, default=2, help="how many run at once")
    parser.add_argument("--all", action="store_true", help="name the test that fails, too")
    parser.add_argument(
        "--notes", type=Path, help="a directory, for what to keep for the next time"
    )
    return parser.parse_args()


def watched(fates, number):
    """Pass `fates` on, and tell whoever watches how many of them there are."""
    for seen, each in enumerate(fates, start=1):
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{seen} of {number} conditions" + "\n" * (seen == number))
        yield each


def fate(name, mutant, notes):
    """Return what became of a mutant, and by which test or for which reason."""
    few, rest = notes.tests_of(mutant.key)
    if killer := killer_of(mutant, few):
        return KILLED, killer
    if proof := proof_for(name, mutant):
        return IMPLIED, proof
    if killer := killer_of(mutant, rest):
        require_green([killer], 1)
        return KILLED, killer
    return SURVIVED, f"{len(few + rest)} tests run what it is of, and pass without it"


def tell_table(counts):
    names = sorted({name for name, _ in counts})
    width = max(map(len, names), default=0)
    tell(f"{'':{width}} {' '.join(f'{kind:>8}' for kind in FATES)}")
    for name in names:
        tell(f"{name:{width}} {' '.join(f'{counts[name, kind]:8}' for kind in FATES)}")
    totals = [sum(counts[name, kind] for name in names) for kind in FATES]
    tell(f"{'all':{width}} {' '.join(f'{total:8}' for total in totals)}\n")


def tell(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
