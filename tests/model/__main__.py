"""Search the model, and tell what was found: `python -m tests.model`."""

import sys
from time import perf_counter

from tests.model.search import Search, Violation
from tests.model.worlds import WEAK, WORLDS, searched


def main():
    for name in WORLDS:
        began = perf_counter()
        search = searched(name)
        reached = f"{len(search.states):,} states, {search.transitions:,} steps"
        tell(f"{name}: {reached}, {perf_counter() - began:.1f} s; every invariant holds")
    tell("\nWhat is left out, which invariant breaks, and the shortest way to where it does:")
    for name, protocol in WEAK.items():
        tell(f"\n{name}: {broken(protocol)}")


def broken(protocol):
    try:
        Search(protocol)
    except Violation as violation:
        return violation
    return "every invariant holds"


def tell(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
