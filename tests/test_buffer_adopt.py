"""`buffer_adopt`: rows on standard input become links, each on its own."""

import csv
import gc
import json
import sys
import tracemalloc
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO, TextIOWrapper
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.models import BufferLink
from buffer_connect.signals import link_connected
from tests.keys import NEW, OLD, hold
from tests.links import held, key_of, link_to, make_due, tokens_of
from tests.test_rotate_keys import Terminal, lines

pytestmark = pytest.mark.django_db

SCOPES = ["account:read", "posts:read", "offline_access"]
QUERY = "query { account { id } }"


@pytest.fixture
def issued(sandbox):
    return sandbox.issue(account="account-1", scopes=SCOPES)


@pytest.fixture
def row(user, issued):
    """A row of the old table, as text; `row(column=…)` changes it, None leaves one out."""

    def row(**changed):
        columns = {
            "user": user.username,
            "account_id": "account-1",
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "expires_in": str(issued.expires_in),
            "scopes": " ".join(SCOPES),
        }
        return {name: value for name, value in {**columns, **changed}.items() if value is not None}

    return row


@pytest.fixture
def adopt(monkeypatch):
    """Run the command on an input; return its exit code and all that it prints."""

    def adopt(given, *arguments, out=None):
        given = given if isinstance(given, bytes) else given.encode()
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(given)))
        out = StringIO() if out is None else out
        try:
            call_command("buffer_adopt", *arguments, stdout=out, stderr=out, no_color=True)
        except CommandError as error:
            return error.returncode, f"{out.getvalue()}{error}"
        return 0, out.getvalue()

    return adopt


class Forgetful(StringIO):
    """Keeps nothing of what is written."""

    def write(self, text):
        return len(text)


def as_csv(*rows):
    out = StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def as_jsonl(*rows):
    return "".join(json.dumps(each) + "\n" for each in rows)


both = pytest.mark.parametrize("written", [as_csv, as_jsonl])
DONE = ["adopted 1", "already linked 0", "refused 0"]
REFUSED = ["adopted 0", "already linked 0", "refused 1"]


@both
def test_a_row_becomes_a_link_that_calls_buffer(adopt, row, user, issued, written):
    code, told = adopt(written(row()))
    link = BufferLink.objects.get()
    assert (code, lines(told)) == (0, DONE)
    assert (link.user, link.account_id, link.granted_scopes) == (user, "account-1", SCOPES)
    assert tokens_of(link) == (issued.access_token, issued.refresh_token)
    assert BufferClient(link).execute(QUERY) == {"account": {"id": "account-1"}}


@both
def test_the_same_input_twice_adopts_once(adopt, row, written):
    adopt(written(row()))
    before = BufferLink.objects.values().get()
    code, told = adopt(written(row()))
    assert (code, lines(told)) == (0, ["adopted 0", "already linked 1", "refused 0"])
    assert BufferLink.objects.values().get() == before


def test_an_api_key_of_the_account_keeps_no_row_out(adopt, row, user, sandbox):
    key_of(sandbox, user)
    adopt(as_csv(row()))
    assert BufferLink.objects.count() == 2


def test_nor_does_a_link_of_another_account(adopt, row, user, sandbox):
    link_to(sandbox, user, account="account-2")
    adopt(as_csv(row()))
    assert BufferLink.objects.count() == 2


def test_a_link_that_was_refreshed_since_keeps_its_tokens(adopt, row):
    adopt(as_csv(row()))
    make_due(BufferLink.objects.get())
    flows.sweep()
    adopt(as_csv(row()))
    link = held(BufferLink.objects.get())
    assert link.generation == 2
    assert BufferClient(link).execute(QUERY) == {"account": {"id": "account-1"}}


def test_a_link_that_its_user_ended_since_stays_ended(adopt, row):
    adopt(as_csv(row()))
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.update(status="disconnected", **nothing)
    adopt(as_csv(row()))
    assert BufferLink.objects.get().status == "disconnected"


def test_one_bad_row_does_not_lose_the_others(adopt, row, issued, other_user, sandbox):
    another = sandbox.issue(account="account-2", scopes=SCOPES)
    good = row(
        user=other_user.username,
        account_id="account-2",
        access_token=another.access_token,
        refresh_token=another.refresh_token,
    )
    code, told = adopt(as_csv(row(user="nobody"), good, row()))
    assert code == 1
    assert lines(told)[:4] == [
        "line 2 user is none of this site.",
        "adopted 2",
        "already linked 0",
        "refused 1",
    ]


def test_a_dry_run_tells_the_same_and_writes_nothing(adopt, row, heard):
    calls = heard(link_connected)
    code, told = adopt(as_csv(row(), row(user="nobody")), "--dry-run")
    assert code == 1
    assert lines(told)[:2] == ["line 3 user is none of this site.", "would be adopted 1"]
    assert (BufferLink.objects.count(), calls) == (0, [])


def test_the_site_is_told_of_each_link(adopt, row, heard):
    calls = heard(link_connected)
    adopt(as_csv(row()))
    assert [call["created"] for call in calls] == [True]


@pytest.mark.parametrize("name", ["pk", "id", "email"])
def test_users_are_found_by_another_field(adopt, row, user, name):
    given = row(user=str(getattr(user, name)))
    assert adopt(as_csv(given), "--user-field", name)[0] == 0
    assert BufferLink.objects.get().user == user


def test_a_field_that_users_do_not_have_is_said(adopt, row):
    code, told = adopt(as_csv(row()), "--user-field", "nickname")
    assert (code, told) == (1, "--user-field: users have no field nickname.")


def test_a_value_that_fits_several_users_is_refused(adopt, row, user, other_user):
    get_user_model().objects.update(email="shared@example.com")
    told = adopt(as_csv(row(user="shared@example.com")), "--user-field", "email")[1]
    assert lines(told)[0] == "line 2 user fits several users."


def test_a_refresh_token_goes_to_one_link_only(adopt, row, other_user):
    code, told = adopt(as_csv(row(), row(user=other_user.username)))
    assert code == 1
    assert lines(told)[0] == "line 3 refresh_token is held by another link already."


@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_also_when_another_key_seals_by_now(adopt, row, other_user, settings, arguments):
    adopt(as_csv(row()))
    hold(settings, NEW, OLD)
    told = adopt(as_csv(row(user=other_user.username)), *arguments)[1]
    assert lines(told)[0] == "line 2 refresh_token is held by another link already."


def life_left():
    return held(BufferLink.objects.get()).life_left


@pytest.mark.parametrize("written", [datetime.isoformat, datetime.timestamp, str])
def test_the_end_of_the_access_token_may_be_a_time(adopt, row, written):
    ends = datetime.now(UTC) + timedelta(hours=1)
    adopt(as_jsonl(row(expires_in=None, expires_at=written(ends))))
    assert timedelta(minutes=59) < life_left() <= timedelta(hours=1)


def test_a_time_without_a_zone_is_in_utc(adopt, row):
    ends = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
    adopt(as_csv(row(expires_in="", expires_at=str(ends))))
    assert timedelta(minutes=59) < life_left() <= timedelta(hours=1)


def test_an_access_token_of_which_no_end_is_known_is_refreshed_first(adopt, row, issued):
    adopt(as_csv(row(expires_in=None)))
    link = BufferLink.objects.get()
    assert BufferClient(link).get_access_token() != issued.access_token


def test_without_a_refresh_token_a_link_ends_with_its_access_token(adopt, row):
    adopt(as_csv(row(refresh_token="")))
    assert BufferLink.objects.get().refresh_token is None


@pytest.mark.parametrize(
    "scopes", [SCOPES, ",".join(SCOPES), ", ".join(SCOPES), f" {' '.join(SCOPES)} "]
)
def test_scopes_are_a_list_or_a_text(adopt, row, scopes):
    adopt(as_jsonl(row(scopes=scopes)))
    assert BufferLink.objects.get().granted_scopes == SCOPES


def test_scopes_may_be_the_same_for_all_rows(adopt, row):
    adopt(as_csv(row(scopes=None)), "--scopes", "account:read posts:write")
    assert BufferLink.objects.get().granted_scopes == ["account:read", "posts:write"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"user": ""}, "user has to be there."),
        ({"user": [1]}, "user is none of this site."),
        ({"account_id": "", "access_token": None}, "account_id, access_token has to be there."),
        ({"account_id": 17}, "account_id has to be Buffer's id of the account, a str."),
        ({"access_token": "with blank"}, "access_token has to be a str of visible ASCII"),
        ({"refresh_token": "with blank"}, "refresh_token has to be a str of visible ASCII"),
        ({"refresh_token": 5}, "refresh_token has to be a str of visible ASCII"),
        ({"expires_in": "soon"}, "expires_in has to be a number of seconds."),
        ({"expires_in": {}}, "expires_in has to be a number of seconds."),
        ({"expires_in": "nan"}, "expires_in has to be a number of seconds."),
        ({"expires_in": 0, "refresh_token": None}, "expires_in is over, and there is no"),
        ({"expires_in": None, "expires_at": "soon"}, "expires_at has to be a time: ISO 8601"),
        ({"expires_in": None, "expires_at": 1e30}, "expires_at has to be a time: ISO 8601"),
        ({"scopes": ""}, "scopes has to be there, or --scopes."),
        ({"scopes": {}}, "scopes has to be there, or --scopes."),
        ({"scopes": ['"quoted"']}, "scopes has to be a list of str"),
    ],
)
def test_what_cannot_be_a_link_is_refused_with_its_reason(adopt, row, changed, reason):
    code, told = adopt(as_jsonl(row(**changed)))
    assert code == 1
    assert lines(told)[0].startswith(f"line 1 {reason}")
    assert lines(told)[1:4] == REFUSED


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"unfinished', "It is no line of CSV."),
        ("too,few", "It has 2 values for 6 columns."),
        ("a,b,\xff\xfe\x00,d,1,posts:read", "access_token has to be a str of visible ASCII"),
    ],
)
def test_a_line_that_is_no_row_is_refused(adopt, row, line, reason):
    header, good = as_csv(row()).splitlines()
    code, told = adopt("\n".join([header, line, "", good]).encode("latin-1"))
    assert (code, lines(told)[1]) == (1, "adopted 1")
    assert lines(told)[0].startswith(f"line 2 {reason}")


@pytest.mark.parametrize("line", ["[1]", "{", "null", "[" * 100_000, "{" + '"a":' * 9 + "1}"])
def test_a_line_that_is_no_json_object_is_refused(adopt, row, line):
    code, told = adopt(as_jsonl(row()) + line)
    assert (code, lines(told)[:2]) == (1, ["line 2 It is no JSON object.", "adopted 1"])


@pytest.mark.parametrize(
    ("given", "arguments", "reason"),
    [
        ("", [], "Nothing came on standard input."),
        ("\n \n", [], "Nothing came on standard input."),
        ("user,token\n", [], "The first line has to name the columns; missing: account_id,"),
        ('{"user": 1}', ["--format", "csv"], "The first line has to name the columns; missing:"),
    ],
)
def test_an_input_that_is_none_changes_nothing(adopt, given, arguments, reason):
    code, told = adopt(given, *arguments)
    assert (code, told.startswith(f"Nothing was changed. {reason}")) == (1, True)


def test_a_spreadsheets_mark_and_line_ends_do_no_harm(adopt, row):
    text = as_csv(row()).replace("user,", "User,").replace("\n", "\r\n")
    assert adopt(b"\xef\xbb\xbf" + text.encode())[0] == 0


def test_columns_that_mean_nothing_here_are_passed_over(adopt, row):
    assert adopt(as_csv(row(created="2024-01-01")))[0] == 0


@contextmanager
def failing(statement):
    """A database that fails at a statement, and says why."""

    def wrapper(execute, sql, params, many, context):
        if statement in sql:
            raise OperationalError("the server has gone away\nDETAIL: (a-value)")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


STOPPED = "Stopped by OperationalError: the server has gone away. "
NEW_LINK = "INSERT INTO"


def test_a_database_that_goes_away_stops_it(adopt, row):
    with failing(NEW_LINK):
        code, told = adopt(as_csv(row()))
    assert code == 1
    assert told == f"{STOPPED}What is done is done: run it again, and it passes over that."


def test_in_a_dry_run_nothing_was_changed_then(adopt, row, user):
    with failing(user._meta.db_table):
        told = adopt(as_csv(row()), "--dry-run")
    assert told == (1, f"{STOPPED}Nothing was changed.")


class Interrupted(BytesIO):
    """A terminal at which Ctrl-C is pressed."""

    def __next__(self):
        raise KeyboardInterrupt


def test_a_database_that_is_away_is_told_before_any_row_is_awaited(db, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Interrupted()))
    with failing(""), pytest.raises(CommandError, match=r"gone away\. Nothing was changed\."):
        call_command("buffer_adopt")


def test_whoever_gives_up_before_the_first_row_has_changed_nothing(db, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Interrupted()))
    with pytest.raises(CommandError, match=r"by KeyboardInterrupt\. Nothing was changed\."):
        call_command("buffer_adopt")


@pytest.mark.parametrize("name", ["ENCRYPTION_KEYS", "INSTANCE", "TIMING"])
def test_settings_that_cannot_be_used_are_met_before_any_row(adopt, row, settings, name):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, name: 5}
    code, told = adopt(as_csv(row()))
    assert (code, told.startswith("Nothing was changed. "), name in told) == (1, True, True)


@pytest.mark.long
@pytest.mark.parametrize("field", ["access_token", "refresh_token", "expires_in", "user", "scopes"])
def test_no_token_is_told_wherever_it_stands(adopt, row, caplog, field):
    canary = "a-canary-in-the-wrong-column\\"
    caplog.set_level("DEBUG")
    told = adopt(as_csv(row(), row(**{field: canary}), row(account_id="account-2")))[1]
    written = told + caplog.text
    secrets = [canary, row()["access_token"], row()["refresh_token"]]
    assert [secret for secret in secrets if secret in written] == []


def test_a_terminal_shows_how_far_it_is(adopt, row):
    told = adopt(as_csv(row()), out=Terminal())[1]
    assert "1, " in told
    assert " a second" in told


@pytest.mark.long
def test_many_rows_take_no_more_memory_than_few(adopt, row):
    refused = row(user="nobody")
    # The first of them fills what is filled once, and is not counted.
    _, few, many = (peak(adopt, refused, rows) for rows in (200, 200, 2_000))
    assert many - few < 1_800 * len(as_csv(refused).splitlines()[1])


def peak(adopt, row, rows):
    """The bytes that adopting takes at most, beside the input."""
    header, line = as_csv(row).splitlines(keepends=True)
    given = (header + line * rows).encode()
    gc.collect()
    tracemalloc.start()
    adopt(given, out=Forgetful())
    try:
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
