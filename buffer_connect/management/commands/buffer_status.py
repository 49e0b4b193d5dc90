"""How the links are doing: for a person, for machines, and for a monitor."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, DjangoHelpFormatter
from django.db import Error as DatabaseError

from buffer_connect.flows.status import (
    Finding,
    Key,
    Level,
    Limits,
    Status,
    Waiting,
    judge,
    read,
    worst,
)

EXIT_CODES = """exit codes with --check:
  0  the links are refreshed
  1  warning: something is slow, or some links need a hand
  2  critical: links are not refreshed and will end when their time is up;
     also when the settings or the database cannot be read
Without --check the exit code is 0 whenever the numbers could be read.
"""
# The option, what it limits, its unit, and what it is about.
LIMITS = (
    ("--max-sweep-age", "sweep", "minutes", "since the last sweep"),
    ("--max-due-age", "due", "minutes", "that a link which is due has waited"),
    ("--max-revocation-age", "revocations", "hours", "that a revocation has waited"),
    ("--max-signal-age", "unannounced", "minutes", "that a state change is untold"),
)
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


class _Help(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's order of options, and the exit codes line by line."""


class Command(BaseCommand):
    help = "Shows how the Buffer links are doing: counts and ages, no secrets."
    # It is wanted most when something is wrong.
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs |= {"epilog": EXIT_CODES, "formatter_class": _Help}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--check", action="store_true", help="tell the worst by the exit code")
        limits = Limits()
        for option, name, unit, about in LIMITS:
            default = getattr(limits, name) / timedelta(**{unit: 1})
            parser.add_argument(
                option,
                dest=name,
                type=float,
                default=default,
                metavar=unit.upper(),
                help=f"most {unit} {about} (default: {default:g})",
            )
        parser.add_argument(
            "--max-in-doubt",
            dest="in_doubt",
            type=int,
            default=limits.in_doubt,
            metavar="LINKS",
            help="most links in doubt (default: %(default)s)",
        )

    def handle(self, **options: Any) -> None:
        ages = {name: timedelta(**{unit: options[name]}) for _, name, unit, _ in LIMITS}
        status = _read()
        findings = judge(status, Limits(**ages, in_doubt=options["in_doubt"]))
        if options["json"]:
            self.stdout.write(_json(status, findings))
        else:
            self._show(status, findings)
        if options["check"] and findings:
            raise SystemExit(int(worst(findings)))

    def _show(self, status: Status, findings: list[Finding]) -> None:
        """Print what needs attention first: some monitors keep no more than one line."""
        styles = {Level.WARNING: self.style.WARNING, Level.CRITICAL: self.style.ERROR}
        for finding in findings:
            self.stdout.write(styles[finding.level](f"{finding.level.name}: {finding.text}"))
        if not findings:
            self.stdout.write(self.style.SUCCESS("OK: the links are refreshed."))
        self.stdout.write(f"\nBuffer links at {status.at:%Y-%m-%d %H:%M:%S} UTC\n\n")
        for name, text in _lines(status):
            self.stdout.write(f"{name:<14}{text}")


def _read() -> Status:
    try:
        return read()
    except (DatabaseError, ImproperlyConfigured) as error:
        told = f"The status cannot be read. {type(error).__name__}: {error}"
        raise CommandError(told, returncode=int(Level.CRITICAL)) from error


def _json(status: Status, findings: list[Finding]) -> str:
    told = asdict(status) | {
        "at": status.at.isoformat(),
        "level": worst(findings).name.lower(),
        "findings": [asdict(each) | {"level": each.level.name.lower()} for each in findings],
    }
    return json.dumps(told, indent=2)


def _lines(status: Status) -> Iterator[tuple[str, str]]:
    """Return the lines of the table: what it is, and how it is."""
    refused = status.breaker_open_seconds
    sweep = status.last_sweep_seconds
    yield "links", _counts(status.links)
    yield "refreshable", str(status.refreshable)
    yield "last sweep", "never" if sweep is None else f"{_age(sweep)} ago"
    yield "breaker", "closed" if refused is None else f"OPEN for {_age(refused)}"
    yield "due", _waiting(status.due)
    yield "backing off", str(status.backing_off)
    yield "in doubt", _waiting(status.in_doubt)
    yield "blocked", _counts(status.blocked)
    yield "ended, 24 h", _counts(status.ended_last_day)
    yield "ended, 7 d", _counts(status.ended_last_week)
    for key in status.keys:
        yield "key", _key(key)
    yield "revocations", _waiting(status.revocations)
    yield "unannounced", _waiting(status.unannounced)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "0"


def _waiting(waiting: Waiting) -> str:
    if waiting.oldest_seconds is None:
        return str(waiting.count)
    return f"{waiting.count}, the first for {_age(waiting.oldest_seconds)}"


def _key(key: Key) -> str:
    rows = f"links {key.links}, revocations {key.revocations}"
    if not key.kid:
        return f"(damaged values)  {rows}"
    role = "seals" if key.seals else "opens" if key.held else "MISSING"
    return f"{key.kid}  {role}  {rows}"


def _age(seconds: float) -> str:
    length, unit = next((unit for unit in UNITS if seconds >= unit[0]), UNITS[-1])
    return f"{seconds / length:.0f} {unit}"
