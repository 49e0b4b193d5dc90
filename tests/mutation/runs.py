"""Runs of pytest: one that learns which tests run which statement, and one for each mutant."""

import json
import os
import re
import subprocess
import sys
from bisect import bisect
from dataclasses import dataclass, field
from itertools import accumulate

from tests.mutation.mutants import key_of

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutation.plugin", "--tb=no"]
CONFORMANCE = "tests/model/test_conformance.py"
# All but those that start other processes, which run the statements as they are.
ALL = ["-m", "not (browser or redis or rabbitmq)", "--ignore=tests/quickstart"]
ALL += ["--ignore=tests/reliability", "--ignore=tests/toolkit", "--ignore=tests/example"]
# With a mutant and without, tests run the same.
ALIKE = ["-p", "no:randomly", "-p", "no:cacheprovider", "--timeout=60"]
# What the first tests of one mutant may take together, in seconds, by what they took before.
ENOUGH = 8.0


@dataclass
class Notes:
    """What a run of all tests has taught."""

    # The keys of all statements by name.
    statements: dict = field(default_factory=dict)
    # By key: the seconds that a test takes which runs it, by test.
    tests: dict = field(default_factory=dict)

    def read(self, notes):
        self.statements |= notes["kept"]
        known = set(self.statements.values())
        for text, maker in notes["makers"].items():
            if maker and key_of(text) not in known:
                self.statements[maker] = key_of(text)
        for test, facts in notes["tests"].items():
            for key in {key_of(text) for text in facts["texts"]} if facts["passed"] else ():
                self.tests.setdefault(key, {})[test] = facts["seconds"]

    def tests_of(self, key):
        """Return tests that run a statement: the model's and the quickest, and all that are left."""
        seconds = self.tests.get(key, {})
        tests = sorted(seconds, key=lambda t: (not t.startswith(CONFORMANCE), seconds[t]))
        taken = accumulate(seconds[test] for test in tests)
        few = max(1, bisect(list(taken), ENOUGH))
        return tests[:few], tests[few:]


def learned(directory, processes):
    """Return the notes in `directory`; run the tests for them when there are none."""
    directory.mkdir(parents=True, exist_ok=True)
    if not any(directory.iterdir()):
        options = ["-n", str(processes), "--dist", "worksteal", *ALL]
        run(options, {"NOTES": str(directory)}, output=None)
    notes = Notes()
    for file in directory.iterdir():
        notes.read(json.loads(file.read_text(encoding="utf-8")))
    return notes


def require_green(tests, processes):
    """Leave unless `tests` pass without a mutant: what fails by itself would kill all of them."""
    if tests and run(["-n", str(processes), *ALIKE, *tests], {}, output=None).returncode:
        raise SystemExit("Some tests fail though nothing is left out: they would tell nothing.")


def killer_of(mutant, tests):
    """Return the test that fails where `mutant` runs; None when every test passes."""
    if not tests:
        return None
    result = run(["-x", *ALIKE, *tests], {"MUTANT": json.dumps(mutant)}, output=subprocess.PIPE)
    if result.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", result.stdout, re.MULTILINE)
    if result.returncode != 1 or failed is None:
        raise RuntimeError(f"{mutant}:\n{result.stdout}")
    return failed[1]


def run(arguments, environment, *, output):
    # On SQLite, whatever the shell says.
    environment = os.environ | {"DATABASE_URL": ""} | environment
    return subprocess.run(
        [*PYTEST, *arguments], env=environment, stdout=output, text=True, check=False
    )
