import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.db.models import F
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.flows.refresh import breaker
from buffer_connect.management.commands.buffer_status import Command
from buffer_connect.models import BufferLink, ServiceState
from buffer_connect.sealing import generate_entry
from tests.keys import NEW, OLD, hold
from tests.links import held, link_to, tokens_of
from tests.pipes import unread


@pytest.fixture
def link(sandbox, user):
    link = link_to(sandbox, user)
    flows.sweep()
    return link


def show(*arguments):
    out = StringIO()
    call_command("buffer_status", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def exit_code(*arguments):
    with pytest.raises(SystemExit) as stopped:
        show("--check", *arguments)
    return stopped.value.code


def test_it_is_a_command():
    assert get_commands()["buffer_status"] == "buffer_connect"


def test_a_person_is_told_first_whether_all_is_well(link):
    assert show().startswith("OK: the links are refreshed.")


def test_a_person_sees_a_line_for_each_number(link):
    lines = dict(line.split(maxsplit=1) for line in show().splitlines()[4:])
    assert lines["links"] == "active 1, revoked 0, disconnected 0"
    assert lines["breaker"] == "closed"
    assert lines["key"].strip() == "tests  seals  links 1, revocations 0, connects 0"


def test_a_person_sees_what_each_key_does(link, settings):
    hold(settings, NEW, OLD, generate_entry("spare"))
    BufferLink.objects.update(access_token=b"\x01\x04lost", refresh_token=b"\x01")
    told = [line for line in show().splitlines() if line.startswith("key ")]
    words = [line.split()[1:3] for line in told]
    assert words == [
        ["new", "seals"],
        ["tests", "opens"],
        ["spare", "unused"],
        ["(no", "id)"],
        ["lost", "MISSING"],
    ]


@pytest.fixture
def braked(link):
    """The link is held back, for the brake is on."""
    ServiceState.objects.create(name="brake", opened_at=timezone.now() - timedelta(minutes=12))
    held_back = {"refused_generation": F("generation"), "refused_reason": "revoked_at_buffer"}
    BufferLink.objects.update(**held_back)
    return link


def test_the_brake_is_told_with_what_can_be_done(braked):
    first, *rest = show().splitlines()
    assert first == (
        "CRITICAL: The brake is on: Buffer refused many links at once, so none is refreshed "
        "(held back: 1). Find out why, then run buffer_status --retry or --resume."
    )
    assert {"brake         ON for 12 min", "held back     revoked_at_buffer 1"} <= {*rest}


def test_a_machine_is_told_of_the_brake(braked):
    told = json.loads(show("--json"))
    assert told["brake_on_seconds"] == pytest.approx(720, abs=60)
    assert told["held_back"] == {"revoked_at_buffer": 1}


def test_check_tells_of_the_brake_by_its_exit_code(braked):
    assert exit_code() == 2


@pytest.mark.parametrize(
    ("option", "told", "status"),
    [
        ("--resume", "The brake is off. Links that ended: 1\n", "revoked"),
        ("--retry", "The brake is off. Links that the next sweep tries again: 1\n", "active"),
    ],
)
def test_the_brake_is_taken_off_either_way(braked, option, told, status):
    assert show(option) == told
    assert (held(braked).status, held(braked).is_held_back) == (status, False)
    assert show().startswith("OK")


@pytest.mark.parametrize("option", ["--resume", "--retry"])
def test_where_the_brake_is_not_on_nothing_is_done(link, option):
    assert show(option) == "The brake is not on.\n"
    assert held(link).is_active


def test_one_cannot_have_both_ways(link):
    with pytest.raises(CommandError, match="not allowed with"):
        show("--resume", "--retry")


def test_after_a_restore_both_are_said_at_once(braked):
    told = show("--mark-restored", "--retry").splitlines()
    assert told == [
        "Links marked as restored: 1",
        "The brake is off. Links that the next sweep tries again: 1",
    ]
    assert held(braked).restored_at is not None


@pytest.mark.long
@pytest.mark.parametrize("option", ["--resume", "--retry"])
def test_a_way_out_that_fails_is_no_traceback(tmp_path, option):
    done = on_an_empty_database(tmp_path, option)
    assert done.returncode == 2
    assert done.stderr.startswith("CommandError: The brake is as it was.")


def test_what_needs_attention_comes_first(link):
    breaker.open_()
    first, *rest = show().splitlines()
    assert first == "CRITICAL: Buffer refuses this client: correct CLIENT_ID and CLIENT_SECRET."
    assert [line for line in rest if line.startswith("breaker") and "OPEN for" in line]


@pytest.mark.long
@pytest.mark.parametrize(
    ("minutes", "told"), [(0.5, r"3\d s"), (2, "2 min"), (180, "3 h"), (4320, "3 d")]
)
def test_ages_have_a_unit_that_suits_them(link, minutes, told):
    moment = timezone.now() - timedelta(minutes=minutes)
    ServiceState.objects.update(updated_at=moment)
    assert re.search(rf"last sweep    {told} ago", show())


def test_a_machine_gets_one_json_object(link):
    told = json.loads(show("--json"))
    assert told["level"] == "ok"
    assert told["links"] == {"active": 1, "revoked": 0, "disconnected": 0}
    assert told["due"] == {"count": 0, "oldest_seconds": None}
    assert told["findings"] == []


def test_a_machine_gets_the_findings_by_subject(link):
    breaker.open_()
    told = json.loads(show("--json"))
    assert told["level"] == "critical"
    (finding,) = told["findings"]
    assert (finding["level"], finding["subject"]) == ("critical", "breaker_open_seconds")


@pytest.mark.parametrize("option", [(), ("--json",)], ids=["table", "json"])
def test_neither_holds_a_secret_or_a_person(link, option):
    BufferLink.objects.update(account_email="member@buffer.example", account_id="account-1")
    told = show(*option)
    hidden = (*tokens_of(link), "member", "account-1", "tests-client-secret", str(link.uid))
    assert [each for each in hidden if each in told] == []


def test_check_passes_when_all_is_well(link):
    assert show("--check")


def test_check_tells_a_warning_by_its_exit_code(link):
    BufferLink.objects.update(refresh_due_at=timezone.now() - timedelta(minutes=11))
    assert exit_code() == 1


def test_check_tells_what_is_critical_by_its_exit_code(link):
    breaker.open_()
    assert exit_code("--json") == 2


def test_without_check_the_exit_code_says_nothing(link):
    breaker.open_()
    assert show()


def test_the_limits_can_be_chosen(link):
    moment = timezone.now() - timedelta(minutes=4)
    ServiceState.objects.update(updated_at=moment)
    assert show("--check")
    assert exit_code("--max-sweep-age", "3.5") == 2


@pytest.mark.parametrize("option", ["sweep", "due", "unserved", "revocation", "signal"])
@pytest.mark.parametrize("amount", ["nan", "-1", "ten"])
def test_a_limit_that_is_none_is_refused(db, option, amount):
    with pytest.raises(CommandError, match=f"--max-{option}-age: '{amount}' is no number from 0"):
        show(f"--max-{option}-age", amount)


@pytest.mark.parametrize("count", ["-1", "nan", "0.5"])
def test_so_is_a_count_that_is_none(db, count):
    with pytest.raises(CommandError, match=f"--max-in-doubt: '{count}' is no whole number"):
        show("--max-in-doubt", count)


@pytest.mark.parametrize("minutes", ["inf", "1e300", "1e12"])
def test_a_limit_that_is_never_reached_is_none(link, minutes):
    ServiceState.objects.update(updated_at=timezone.now() - timedelta(days=4000))
    assert exit_code() == 2
    assert show("--check", "--max-sweep-age", minutes)


@pytest.mark.long
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    ("arguments", "code"), [(["--check"], 1), (["--check", "--json"], 1), ([], 0)]
)
def test_a_reader_that_has_seen_enough_changes_nothing(database_url, arguments, code, unbuffered):
    told = unread(database_url, "buffer_status", *arguments, PYTHONUNBUFFERED=unbuffered)
    assert told == (code, "")


@pytest.mark.parametrize("answer", [EOFError, KeyboardInterrupt])
def test_whoever_gives_no_answer_has_changed_nothing(link, settings, monkeypatch, answer):
    def refuse(question):
        raise answer

    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "INSTANCE": "new"}
    BufferLink.objects.update(instance="old")
    monkeypatch.setattr("builtins.input", refuse)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(CommandError, match=r"^Nothing was changed\.$"):
        show("--adopt-instance")
    assert held(link).instance == "old"


@pytest.mark.parametrize("name", ["CLIENT_ID", "TIMING", "REFRESH_POLICY"])
def test_settings_that_cannot_be_used_are_critical_and_no_traceback(db, settings, name):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, name: 0.5}
    with pytest.raises(CommandError, match=name) as error:
        show("--check")
    assert error.value.returncode == 2


def on_an_empty_database(tmp_path, *arguments):
    command = [sys.executable, "-m", "django", "buffer_status", *arguments]
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_a_database_without_our_tables_is_critical_and_no_traceback(tmp_path):
    done = on_an_empty_database(tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("CommandError: The status cannot be read.")


def test_the_exit_codes_stand_in_the_help():
    text = Command().create_parser("manage.py", "buffer_status").format_help()
    assert "exit codes with --check:\n  0  " in text
    assert "(default: 5)" in text
