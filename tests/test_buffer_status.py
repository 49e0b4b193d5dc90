import json
import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.flows.refresh import breaker
from buffer_connect.management.commands.buffer_status import Command
from buffer_connect.models import BufferLink, ServiceState
from tests.links import link_to, tokens_of


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
    assert lines["key"].split() == ["tests", "seals", "links", "1,", "revocations", "0"]


def test_what_needs_attention_comes_first(link):
    breaker.open_()
    first, *rest = show().splitlines()
    assert first == "CRITICAL: Buffer refuses this client: correct CLIENT_ID and CLIENT_SECRET."
    assert [line for line in rest if line.startswith("breaker") and "OPEN for" in line]


@pytest.mark.parametrize(
    ("minutes", "told"), [(0.5, "30 s"), (2, "2 min"), (180, "3 h"), (4320, "3 d")]
)
def test_ages_have_a_unit_that_suits_them(link, minutes, told):
    moment = timezone.now() - timedelta(minutes=minutes)
    ServiceState.objects.update(updated_at=moment)
    assert f"last sweep    {told} ago" in show()


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
    BufferLink.objects.update(last_error="Tampered")
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


def test_settings_that_cannot_be_used_are_critical_and_no_traceback(db, settings):
    settings.BUFFER_CONNECT = {"CLIENT_ID": ""}
    with pytest.raises(CommandError, match="CLIENT_ID") as error:
        show("--check")
    assert error.value.returncode == 2


def test_a_database_without_our_tables_is_critical_and_no_traceback(tmp_path):
    command = [sys.executable, "-m", "django", "buffer_status"]
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("CommandError: The status cannot be read.")


def test_the_exit_codes_stand_in_the_help():
    text = Command().create_parser("manage.py", "buffer_status").format_help()
    assert "exit codes with --check:\n  0  " in text
    assert "(default: 5)" in text
