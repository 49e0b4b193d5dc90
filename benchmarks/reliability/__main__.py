"""`make reliability`: look for a link that is lost although it could have been saved.

Prints what went wrong, what was lost and why, and exits with 1 when something is not 0 that has to
be. DATABASE_URL picks the database.
"""

import argparse
import os
import platform
import random
import sys

from django import get_version

from benchmarks import site
from benchmarks.reliability import report, timing
from benchmarks.reliability.inquiry import find
from benchmarks.reliability.run import run
from benchmarks.reliability.weaken import WEAKENED

SECONDS = 120.0
LINKS = 240


def main() -> int:
    """Run what the command line asks for and return the exit code."""
    options = _options()
    with site.database() as database:
        processors = f"{os.cpu_count()} processors ({platform.machine()})"
        say(f"{database}; Python {platform.python_version()}; Django {get_version()}; {processors}")
        say(f"{options.seconds:.0f} s, {options.links} links, seed {options.seed}")
        if options.weaken:
            say(f"the protocol without its {options.weaken}")
        say("")
        found = find(run(**vars(options)))
    for line in report.lines(found):
        say(line)
    return 0 if report.is_clean(found) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability", description=__doc__)
    add = parser.add_argument
    seconds = float(os.environ.get("RELIABILITY_SECONDS") or SECONDS)
    seed = random.randrange(1_000_000)  # noqa: S311
    add("--seconds", type=float, default=seconds, help=f"of one run (default: {SECONDS:.0f})")
    add("--links", type=int, default=LINKS, help=f"how many (default: {LINKS})")
    add("--seed", type=int, default=seed, help="of the order of things (default: a new one)")
    add("--standstills-only", action="store_true", help="let nothing else go wrong")
    add("--weaken", choices=WEAKENED, default="", help="leave one thing out of the protocol")
    options = parser.parse_args()
    if options.seconds < timing.LEAST:
        parser.error(
            f"--seconds has to be {timing.LEAST:.0f} or more: a shorter run shows nothing."
        )
    return options


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
