"""`make bench`: time this package against a bare loop that protects nothing, run by run in turn.

Prints links a second (median, lowest to highest) and the median of the ratios of the runs that
stood side by side, each with the ratio to reach. `--memory` sweeps 100,000 due links instead and
prints the memory that it takes. Exits with 1 when something is not reached.
"""

import argparse
import os
import platform
import resource
import statistics
import sys
from collections.abc import Callable
from multiprocessing import get_context

from django import get_version
from django.db import connections

from benchmarks import contenders, races, site

LINKS, MOST_MB = 100_000, 150


def main() -> int:
    """Run what the command line asks for and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="runs of each (default: 7)")
    parser.add_argument("--memory", action="store_true", help=f"sweep {LINKS:,} due links instead")
    options = parser.parse_args()
    with site.database() as database:
        say(f"{database}; Python {platform.python_version()}; Django {get_version()}; {machine()}")
        reached = memory() if options.memory else speed(options.rounds)
    return 0 if reached else 1


def speed(rounds: int) -> bool:
    """Print the table of all races and return whether every ratio is reached."""
    say(f"\nLinks a second over {rounds} paired runs: median (lowest to highest)\n")
    say(f"{'':22}{'latency':>8}  {'this package':22}{'bare loop':22}{'ratio':>6}{'goal':>6}")
    results = [print_result(races.run(race, rounds)) for race in races.RACES]
    return all(result.ratio >= (result.race.goal or 0.0) for result in results)


def print_result(result: races.Result) -> races.Result:
    """Print one line of the table."""
    race = result.race
    figures = f"{spread(result.ours):22}{spread(result.bare):22}"
    ratios = f"{result.ratio:6.2f}{race.goal or '':>6}"
    say(f"{race.name:22}{race.latency * 1000:5.0f} ms  {figures}{ratios}")
    return result


def spread(values: list[float]) -> str:
    """Return the median and the range of `values`."""
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


def memory() -> bool:
    """Sweep many due links, print the highest memory of this process, return whether it is little."""
    apart(lambda: contenders.make_links(LINKS, ended=False))
    before = highest_mb()
    with races.token_endpoint(0.0):
        seconds = contenders.sweep_made(LINKS, in_flight=16)
    after = highest_mb()
    say(f"{LINKS:,} due links in {seconds:.0f} s: {after:.0f} MB at most ({before:.0f} MB before)")
    return after < MOST_MB


def apart(act: Callable[[], object]) -> None:
    """Run `act` in a process of its own, whose memory is not this one's."""
    connections.close_all()
    process = get_context("fork").Process(target=act)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("The links could not be made.")


def highest_mb() -> float:
    """Return the most memory (MB) that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine() -> str:
    """Return how many processors there are, and of which kind."""
    return f"{os.cpu_count()} processors ({platform.machine()})"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
