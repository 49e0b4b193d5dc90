"""How the links are doing: for a person, for machines, and for a monitor."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError, DjangoHelpFormatter

from buffer_connect.conf import conf
from buffer_connect.flows import copies
from buffer_connect.flows.refresh import held_back
from buffer_connect.flows.status import (
    Finding,
    Level,
    Limits,
    Status,
    judge,
    read,
    worst,
)
from buffer_connect.management.failures import NOTHING, told_in_a_line
from buffer_connect.management.output import say
from buffer_connect.management.status_text import as_json, counted, lines

EXIT_CODES = """exit codes with --check:
  0  the links are refreshed
  1  warning: something is slow, or some links need a hand
  2  critical: links are not refreshed and will end when their time is up;
     also when the settings or the database cannot be read
Without --check the exit code is 0 whenever the numbers could be read.
"""
# What can be done when the brake is on: the option, its help, the flow, and what it did.
WAYS_OUT = (
    (
        "resume",
        "take the brake off: what was held back ends, everything else is refreshed again",
        held_back.resume,
        "The brake is off. Links that ended: {}",
    ),
    (
        "retry",
        "take the brake off: what was held back is refreshed again, like everything else",
        held_back.retry,
        "The brake is off. Links that the next sweep tries again: {}",
    ),
)
# With one of these the status is not shown.
ACTIONS = ("adopt_instance", "mark_restored", *(name for name, *_ in WAYS_OUT))
# The option, what it limits, its unit, and what it is about.
LIMITS = (
    ("--max-sweep-age", "sweep", "minutes", "since the last sweep"),
    ("--max-due-age", "due", "minutes", "that a link which is due has waited"),
    ("--max-unserved-age", "unserved", "minutes", "that a caller can have got no access token"),
    ("--max-revocation-age", "revocations", "hours", "that a revocation has waited"),
    ("--max-signal-age", "unannounced", "minutes", "that a state change is untold"),
)


T = TypeVar("T")


class _Help(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's order of options, and the exit codes line by line."""


class Command(BaseCommand):
    help = (
        "Shows how the Buffer links are doing: counts and ages, no secrets.\n"
        "With --adopt-instance, --mark-restored, --resume or --retry it does that\n"
        "instead."
    )
    # It is wanted most when something is wrong.
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs |= {"epilog": EXIT_CODES, "formatter_class": _Help}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--check", action="store_true", help="tell the worst by the exit code")
        ways = parser.add_mutually_exclusive_group()
        for name, about, *_ in WAYS_OUT:
            ways.add_argument(f"--{name}", action="store_true", help=about)
        self._add_limits(parser)
        self._add_copies(parser)

    def _add_limits(self, parser: ArgumentParser) -> None:
        limits = Limits()
        for option, name, unit, about in LIMITS:
            default = getattr(limits, name) / timedelta(**{unit: 1})
            parser.add_argument(
                option,
                dest=name,
                type=_amount,
                default=default,
                metavar=unit.upper(),
                help=f"most {unit} {about} (default: {default:g})",
            )
        parser.add_argument(
            "--max-in-doubt",
            dest="in_doubt",
            type=_count,
            default=limits.in_doubt,
            metavar="LINKS",
            help="most links in doubt (default: %(default)s)",
        )

    def _add_copies(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--adopt-instance",
            action="store_true",
            help="after a move, with the old site stopped: let all links belong to this INSTANCE; "
            "asks first",
        )
        parser.add_argument(
            "--mark-restored",
            action="store_true",
            help="after a restore, before the site starts: note that tokens given out since the "
            "backup are lost",
        )
        parser.add_argument(
            "--noinput",
            "--no-input",
            action="store_false",
            dest="interactive",
            help="with --adopt-instance: do not ask",
        )

    def handle(self, **options: Any) -> None:
        if options["adopt_instance"]:
            self._adopt(interactive=options["interactive"])
        if options["mark_restored"]:
            marked = _tried(copies.mark_restored, "The links cannot be marked.")
            self._say(f"Links marked as restored: {marked}")
        for name, _, take, told in WAYS_OUT:
            if options[name]:
                links = _tried(take, "The brake is as it was.")
                self._say("The brake is not on." if links is None else told.format(links))
        if not any(options[name] for name in ACTIONS):
            self._report(**options)

    def _adopt(self, *, interactive: bool) -> None:
        failure = "The links cannot be taken over."
        if _tried(lambda: conf.instance, failure) is None:
            raise CommandError('Set BUFFER_CONNECT["INSTANCE"] first; it says whose the links are.')
        others = _tried(copies.adoptable, failure)
        if interactive and others:
            _confirm(others)
        taken = _tried(copies.adopt_all, failure)
        self._say(f"Links taken over by {conf.instance}: {taken}")

    def _report(self, **options: Any) -> None:
        ages = {name: _limit(unit, options[name]) for _, name, unit, _ in LIMITS}
        status = _tried(read, "The status cannot be read.")
        findings = judge(status, Limits(**ages, in_doubt=options["in_doubt"]))
        if options["json"]:
            self._say(as_json(status, findings))
        else:
            self._show(status, findings)
        if options["check"] and findings:
            raise SystemExit(int(worst(findings)))

    def _show(self, status: Status, findings: list[Finding]) -> None:
        """Print what needs attention first: some monitors keep no more than one line."""
        styles = {Level.WARNING: self.style.WARNING, Level.CRITICAL: self.style.ERROR}
        for finding in findings:
            self._say(styles[finding.level](f"{finding.level.name}: {finding.text}"))
        if not findings:
            self._say(self.style.SUCCESS("OK: the links are refreshed."))
        self._say(f"\nBuffer links at {status.at:%Y-%m-%d %H:%M:%S} UTC\n\n")
        for name, text in lines(status):
            self._say(f"{name:<14}{text}")

    def _say(self, line: str) -> None:
        say(self.stdout, line)


def _tried(act: Callable[[], T], failure: str) -> T:
    """Return what `act` returns; without a traceback where database or settings are unusable."""
    with told_in_a_line(failure, returncode=int(Level.CRITICAL)):
        return act()


def _amount(text: str) -> float:
    """Return the number of minutes or hours in `text`; "inf" is no limit."""
    with suppress(ValueError):
        # Not so for nan.
        if (amount := float(text)) >= 0:
            return amount
    raise ArgumentTypeError(f"{text!r} is no number from 0 on")


def _count(text: str) -> int:
    with suppress(ValueError):
        if (count := int(text)) >= 0:
            return count
    raise ArgumentTypeError(f"{text!r} is no whole number from 0 on")


def _limit(unit: str, amount: float) -> timedelta:
    try:
        return timedelta(**{unit: amount})
    except OverflowError:
        return timedelta.max


def _confirm(others: dict[str, int]) -> None:
    """Ask whoever sits at the terminal. Raises `CommandError` when nobody does, or does not agree."""
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask on. To go on without, add --no-input.")
    told = counted({name or "(none yet)": count for name, count in others.items()})
    question = (
        f"Links by instance: {told}. Two sites that refresh the same links end them, so every "
        f"other site on this database or a copy of it must be stopped, or have let go of them.\n"
        f"Let them all belong to {conf.instance}? (yes/no) "
    )
    try:
        answer = input(question)
    except (EOFError, KeyboardInterrupt):
        # Whoever answers so ends no line.
        sys.stdout.write("\n")
        answer = ""
    if answer.strip().lower() != "yes":
        raise CommandError(NOTHING)
