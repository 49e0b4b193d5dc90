"""A pytest plugin that leaves one condition out, or notes which test runs which statement or fence.

The environment says what: MUTANT, a mutant as JSON; or NOTES, a directory for one file a process.
"""

import json
import os
import sys
import uuid
from functools import cache
from pathlib import Path

import pytest

from tests.mutation.fences import FENCES, open_gap, watch
from tests.mutation.mutants import Mutant

PACKAGE = "buffer_connect.models.statements."


def pytest_configure(config):
    if "MUTANT" in os.environ:
        install(Mutant(*json.loads(os.environ["MUTANT"])))
    if "NOTES" in os.environ:
        notes = Notes(Path(os.environ["NOTES"]))
        intercept(notes.note)
        watch(notes.reached)
        config.pluginmanager.register(notes)


def install(mutant):
    """Leave one condition out, in this process."""
    if mutant.key in FENCES:
        open_gap(mutant)
    else:
        intercept(cache(mutant.applied_to))


def intercept(text_for):
    """Have every statement run what `text_for` makes of its text."""
    # Django is set up by now, and was not when this module was imported.
    from buffer_connect.models.statements.statement import Statement  # noqa: PLC0415

    bound = Statement.bound

    def other(statement, *args, **kwargs):
        return bound(Statement(text_for(statement.text)), *args, **kwargs)

    Statement.bound = other


class Notes:
    """By test: what it has run, how long it took and whether it passed. By text: who made it."""

    def __init__(self, directory):
        self.directory = directory
        self.tests, self.makers, self.running = {}, {}, set()

    def note(self, text):
        self.running.add(text)
        if text not in self.makers:
            self.makers[text] = _maker(sys._getframe())
        return text

    def reached(self, name):
        self.running.add(name)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.running = set()
        self.tests[item.nodeid] = {"passed": True, "seconds": 0.0}
        result = yield
        self.tests[item.nodeid]["texts"] = list(self.running)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        test = self.tests[item.nodeid]
        test["passed"] &= report.passed
        test["seconds"] += report.duration
        return report

    def pytest_sessionfinish(self):
        from tests.mutation.statements import kept  # noqa: PLC0415

        notes = {
            "tests": self.tests,
            "makers": self.makers,
            "kept": kept() | {name: name for name in FENCES},
        }
        file = self.directory / f"{uuid.uuid4().hex}.json"
        file.write_text(json.dumps(notes), encoding="utf-8")


def _maker(frame):
    """Return the function of the package that runs a statement, where one does."""
    while frame is not None:
        module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_name
        if module.startswith(PACKAGE) and not module.endswith(".statement"):
            return f"{module.removeprefix(PACKAGE)}.{name}"
        frame = frame.f_back
    return None
