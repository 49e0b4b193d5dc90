"""`buffer_rotate_keys`: everything comes under the first key, or is left as it is and named."""

from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.conf import conf
from buffer_connect.flows.reseal import _anew_link
from buffer_connect.models import (
    AuthorizationRequest,
    BufferLink,
    PendingRevocation,
    statements,
)
from buffer_connect.models.keys import keys_in_use
from buffer_connect.receivers import keep_for_revocation
from buffer_connect.sealing import Secret, kid_of
from tests.keys import NEW, OLD, hold, kids_of, other_key, rotate
from tests.links import held, link_to, make_due, tokens_of
from tests.refresh.steps import RESEAL, is_refreshed

pytestmark = pytest.mark.long

MODELS = (BufferLink, PendingRevocation, AuthorizationRequest)


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def another(sandbox, other_user):
    return link_to(sandbox, other_user, account="account-2")


@pytest.fixture
def new_key(link, settings):
    """The new key seals from now on; what is there already is under the old one."""
    hold(settings, NEW, OLD)


def rows():
    """Every column of every row that holds something sealed."""
    return [list(model.objects.order_by("pk").values()) for model in MODELS]


def lines(told):
    """What was printed, line by line, however it is spaced."""
    return [" ".join(line.split()) for line in told.splitlines()]


def begin(user, **columns):
    """A connect whose user has not come back yet."""
    columns = {"expires_at": timezone.now() + timedelta(minutes=10), **columns}
    request = AuthorizationRequest(user=user, state_hash="hash", **columns)
    request.seal_verifier(Secret("a-verifier"))
    request.save()
    return request


def change(link, **columns):
    BufferLink.objects.filter(pk=link.pk).update(**columns)


def test_a_link_comes_under_the_first_key_with_its_tokens(link, new_key, settings):
    before = tokens_of(link)
    assert rotate()[0] == 0
    assert kids_of(link) == ("new", "new", "new")
    hold(settings, NEW)
    assert tokens_of(link) == before


def test_nothing_else_of_a_link_changes(link, new_key):
    sealed = {"refresh_token", "access_token", "refresh_token_digest"}
    before = BufferLink.objects.values().get()
    rotate()
    after = BufferLink.objects.values().get()
    assert {name for name in before if before[name] != after[name]} == sealed


def test_it_is_refreshed_as_before_without_the_old_key(sandbox, link, new_key, settings):
    rotate()
    hold(settings, NEW)
    make_due(link)
    flows.sweep()
    assert is_refreshed(sandbox, link)


def test_a_link_without_a_refresh_token_too(sandbox, user, settings):
    link = link_to(sandbox, user, refreshable=False)
    hold(settings, NEW, OLD)
    assert rotate()[0] == 0
    assert kids_of(link) == (None, "new", "")
    assert "re-sealed links 0, revocations 0, connects 0" in lines(rotate()[1])


def test_a_link_without_an_access_token_too(link, new_key):
    change(link, access_token=None)
    assert rotate()[0] == 0
    assert kids_of(link) == ("new", None, "new")


@pytest.mark.parametrize(
    "columns", [("refresh_token",), ("access_token",), ("access_token", "refresh_token")]
)
def test_a_link_that_is_halfway_too(link, new_key, columns):
    old = BufferLink.objects.values().get()
    rotate()
    change(link, **{column: old[column] for column in columns})
    assert rotate()[0] == 0
    assert kids_of(link) == ("new", "new", "new")


def test_a_digest_that_alone_is_old_too(link, new_key):
    digest = held(link).refresh_token_digest
    rotate()
    change(link, refresh_token_digest=digest)
    assert rotate()[0] == 0
    assert kids_of(link) == ("new", "new", "new")


def test_the_tokens_that_an_unauthorized_link_keeps_come_along(link, new_key):
    change(link, status="revoked", reason="unauthorized")
    assert rotate()[0] == 0
    assert kids_of(link) == ("new", "new", "new")


def test_what_an_ended_link_leaves_behind_needs_no_key(link, new_key):
    change(link, status="revoked", refresh_token=None, access_token=None)
    before = rows()
    code, told = rotate()
    assert (code, rows()) == (0, before)
    unused = "tests unused links 0, revocations 0, connects 0"
    assert {f"before {unused}", f"after {unused}"} < {*lines(told)}


def test_a_revocation_comes_under_the_first_key(link, new_key, settings):
    hold(settings, OLD)
    keep_for_revocation(link)
    hold(settings, NEW, OLD)
    owed = PendingRevocation.objects.get().open_token()
    assert rotate()[0] == 0
    hold(settings, NEW)
    assert PendingRevocation.objects.get().open_token() == owed


def test_an_unfinished_connect_comes_under_the_first_key(user, settings):
    request = begin(user)
    hold(settings, NEW, OLD)
    assert rotate()[0] == 0
    hold(settings, NEW)
    request.refresh_from_db()
    assert request.open_verifier() == Secret("a-verifier")


@pytest.mark.parametrize(
    "columns",
    [{"expires_at": timezone.now() - timedelta(days=9)}, {"consumed_at": timezone.now()}],
    ids=["expired", "consumed"],
)
def test_a_connect_that_is_over_needs_no_key(user, settings, columns):
    request = begin(user, **columns)
    hold(settings, NEW, OLD)
    assert (rotate()[0], keys_in_use()) == (0, [])
    request.refresh_from_db()
    assert kid_of(request.verifier) == "tests"


def test_what_the_first_key_has_sealed_is_not_touched(link, new_key):
    rotate()
    before = rows()
    code, told = rotate()
    assert (code, rows()) == (0, before)
    assert "re-sealed links 0, revocations 0, connects 0" in lines(told)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_size_of_a_batch_reaches_every_row(sandbox, user, settings, size):
    for number in range(3):
        keep_for_revocation(link_to(sandbox, user, account=f"account-{number}"))
    hold(settings, NEW, OLD)
    assert rotate("--batch-size", str(size))[0] == 0
    assert [(use.kid, use.links, use.revocations) for use in keys_in_use()] == [("new", 3, 3)]


@pytest.mark.parametrize("size", ["-1", "0", "10001", "9" * 30])
def test_a_batch_has_a_size_that_fits_the_memory(db, size):
    assert rotate("--batch-size", size) == (1, "--batch-size takes a number from 1 to 10000.")


def test_a_dry_run_changes_nothing_and_tells_what_would_be_done(link, user, settings):
    begin(user)
    hold(settings, NEW, OLD)
    before = rows()
    code, told = rotate("--dry-run")
    assert (code, rows()) == (0, before)
    assert lines(told)[-2:] == [
        "to be re-sealed links 1, revocations 0, connects 1",
        "All of it opens.",
    ]


def test_a_dry_run_names_what_does_not_open(link, new_key):
    change(link, access_token=b"\x01")
    before = rows()
    code, told = rotate("--dry-run")
    assert (code, rows()) == (1, before)
    assert f"left alone link {link.uid} Tampered" in lines(told)


def swap(link, another, column):
    """Let each of two links hold what the other held."""
    one, other = (getattr(held(each), column) for each in (link, another))
    change(link, **{column: other})
    change(another, **{column: one})


def test_a_dry_run_opens_what_the_first_key_has_sealed_too(link, another):
    swap(link, another, "refresh_token")
    code, told = rotate("--dry-run")
    assert code == 1
    assert lines(told)[-4:-1] == [
        f"left alone link {link.uid} Tampered",
        f"left alone link {another.uid} Tampered",
        "to be re-sealed links 0, revocations 0, connects 0",
    ]
    assert told.splitlines()[-1].startswith("Some rows do not open")


def test_a_run_that_writes_does_not_look_at_it(link, another):
    swap(link, another, "refresh_token")
    assert rotate()[0] == 0


def test_a_dry_run_opens_the_revocations_and_connects_of_the_first_key_too(link, user):
    keep_for_revocation(link)
    begin(user)
    PendingRevocation.objects.update(token=b"\x01\x05tests" + bytes(40))
    AuthorizationRequest.objects.update(verifier=b"\x01\x05tests" + bytes(40))
    code, told = rotate("--dry-run")
    assert (code, "were left alone: Tampered 2." in told) == (1, True)


def test_a_dry_run_counts_only_what_another_key_has_sealed(link, another, user, settings):
    hold(settings, NEW, OLD)
    begin(user)
    refreshed(another)
    code, told = rotate("--dry-run")
    assert (code, kids_of(another)) == (0, ("new", "new", "new"))
    assert "to be re-sealed links 1, revocations 0, connects 0" in lines(told)


@pytest.mark.parametrize("column", ["refresh_token", "access_token"])
def test_of_a_link_that_lacks_a_token_it_counts_what_is_there(link, settings, column):
    change(link, **{column: None})
    before = lines(rotate("--dry-run")[1])
    hold(settings, NEW, OLD)
    after = lines(rotate("--dry-run")[1])
    assert "to be re-sealed links 0, revocations 0, connects 0" in before
    assert "to be re-sealed links 1, revocations 0, connects 0" in after


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_dry_run_reaches_every_row_page_by_page(sandbox, user, size):
    for number in range(3):
        link_to(sandbox, user, account=f"account-{number}")
    BufferLink.objects.update(refresh_token_digest="tests:00")
    told = rotate("--dry-run", "--batch-size", str(size))[1]
    assert "DigestMismatch 3" in told


def test_it_tells_the_rows_of_each_key_before_and_after(link, another, new_key):
    used, unused = "links 2, revocations 0, connects 0", "links 0, revocations 0, connects 0"
    assert lines(rotate()[1]) == [
        f"before new seals {unused}",
        f"before tests opens {used}",
        f"re-sealed {used}",
        f"after new seals {used}",
        f"after tests unused {unused}",
        "No row needs another key any more.",
    ]


# What befell a link whose key is OLD, and what the protocol calls that.
UNOPENED = {
    "a value that was changed": ({"access_token": b"\x01\x05tests" + bytes(40)}, "Tampered"),
    "a value of nothing": ({"refresh_token": b""}, "Tampered"),
    "a value of a later release": ({"refresh_token": b"\x02\x05tests"}, "UnknownVersion"),
    "a value of a lost key": ({"refresh_token": b"\x01\x04lost" + bytes(40)}, "KeyUnavailable"),
    "a digest of a lost key": ({"refresh_token_digest": "lost:00"}, "KeyUnavailable"),
    "a digest of another token": ({"refresh_token_digest": "tests:00"}, "DigestMismatch"),
}


@pytest.mark.parametrize(("columns", "error"), UNOPENED.values(), ids=UNOPENED)
def test_what_does_not_open_is_left_alone_and_named(link, another, new_key, columns, error):
    change(link, **columns)
    before = BufferLink.objects.filter(pk=link.pk).values().get()
    code, told = rotate()
    assert (code, BufferLink.objects.filter(pk=link.pk).values().get()) == (1, before)
    assert f"left alone link {link.uid} {error}" in lines(told)
    assert told.endswith(
        f"Some rows do not open and were left alone: {error} 1. Keep every key in "
        "ENCRYPTION_KEYS until they do."
    )
    assert kids_of(another) == ("new", "new", "new")


def test_neither_is_a_revocation_or_a_connect_that_does_not_open(link, user, settings):
    keep_for_revocation(link)
    begin(user)
    BufferLink.objects.all().update(status="revoked", refresh_token=None, access_token=None)
    before = rows()
    hold(settings, NEW)
    code, told = rotate()
    assert (code, rows()) == (1, before)
    assert "KeyUnavailable 2" in told


def test_many_that_do_not_open_are_counted_and_named_on_request(link, user, settings):
    for _ in range(22):
        keep_for_revocation(link)
    hold(settings, NEW)
    told, verbosely = rotate()[1], rotate("--verbosity", "2")[1]
    assert "left alone 3 more KeyUnavailable (--verbosity 2 names them)" in lines(told)
    assert (told.count("left alone  "), verbosely.count("left alone  ")) == (21, 23)


def test_a_first_key_that_is_not_what_other_hosts_have_is_refused(link, another, settings):
    hold(settings, NEW, OLD)
    make_due(link)
    flows.sweep()
    hold(settings, other_key(NEW), OLD)
    before = rows()
    code, told = rotate()
    assert (code, rows()) == (1, before)
    assert "Nothing was changed. The first key of ENCRYPTION_KEYS, new, is not the one" in told


def test_one_damaged_value_does_not_speak_against_the_first_key(link, another, settings):
    hold(settings, NEW, OLD)
    make_due(link)
    flows.sweep()
    change(link, access_token=bytes(held(link).access_token)[:-1])
    make_due(another)
    flows.sweep()
    assert rotate()[0] == 0


def test_settings_that_cannot_be_used_change_nothing(link, settings):
    hold(settings)
    code, told = rotate()
    assert (code, "Nothing was changed." in told) == (1, True)


@contextmanager
def meanwhile(act, row=1):
    """Let something happen just before a link is written, the first or a later one."""
    written = []

    def wrapper(execute, sql, params, many, context):
        if RESEAL in sql:
            written.append(sql)
            if len(written) == row:
                act()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


def refreshed(link):
    make_due(link)
    flows.sweep()


def test_a_refresh_that_comes_between_reading_and_writing_wins(sandbox, link, new_key):
    with meanwhile(lambda: refreshed(link)):
        code, told = rotate()
    assert (code, is_refreshed(sandbox, link)) == (0, True)
    assert "overtaken 1, others changed them meanwhile" in lines(told)


def test_what_it_stored_with_the_old_key_is_sealed_anew_at_once(sandbox, link, settings):
    def refreshed_by_another_host():
        hold(settings, OLD, NEW)
        refreshed(link)

    hold(settings, NEW, OLD)
    with meanwhile(refreshed_by_another_host):
        rotate()
    assert kids_of(link) == ("new", "new", "new")
    assert is_refreshed(sandbox, link)


def test_what_a_host_seals_with_the_old_key_behind_its_back_is_told(link, another, settings):
    def refreshed_by_another_host():
        hold(settings, OLD, NEW)
        refreshed(link)

    hold(settings, NEW, OLD)
    with meanwhile(refreshed_by_another_host, row=2):
        code, told = rotate()
    assert code == 1
    assert told.splitlines()[-1] == (
        "Rows are left that another key has sealed. Restart every process that has the old "
        "settings, then run it again."
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt, OperationalError])
def test_when_it_is_stopped_it_says_how_to_go_on(link, another, new_key, error):
    def stop():
        raise error

    with meanwhile(stop, row=2):
        code, told = rotate()
    assert (code, kids_of(link)[0], kids_of(another)[0]) == (1, "new", "tests")
    assert told.splitlines()[-1] == (
        f"Stopped by {error.__name__}. What is done is done: run it again, and it goes on from "
        "there."
    )


@contextmanager
def failing(statement):
    """A database that fails at a statement, and says why."""

    def wrapper(execute, sql, params, many, context):
        if statement in sql:
            raise OperationalError("disk I/O error\nDETAIL: (a-value)")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


def test_what_the_database_says_is_told_in_a_line(link, new_key):
    with failing(RESEAL):
        code, told = rotate()
    assert code == 1
    assert told.splitlines()[-1] == (
        "Stopped by OperationalError: disk I/O error. What is done is done: run it again, and it "
        "goes on from there."
    )


@pytest.mark.parametrize(("arguments", "statement"), [((), ""), (("--dry-run",), "is_other")])
def test_where_nothing_was_changed_it_says_so(link, new_key, arguments, statement):
    with failing(statement):
        code, told = rotate(*arguments)
    last = told.splitlines()[-1]
    assert (code, last) == (1, "Stopped by OperationalError: disk I/O error. Nothing was changed.")


CHANGES = {
    "epoch": {"epoch": uuid4()},
    "generation": {"generation": 9},
    "refresh token": {"refresh_token": b"?"},
    "access token": {"access_token": b"?"},
    "no refresh token": {"refresh_token": None},
    "no access token": {"access_token": None},
}


@pytest.mark.parametrize("columns", CHANGES.values(), ids=CHANGES)
def test_a_row_that_has_changed_since_is_not_written(link, columns):
    values = _anew_link(link, conf.keyring)
    change(link, **columns)
    before = rows()
    assert (statements.reseal_link(**values), rows()) == (0, before)


@pytest.mark.parametrize("column", ["refresh_token", "access_token"])
def test_nor_is_one_that_has_a_token_since(link, column):
    has_both = held(link)
    change(link, **{column: None})
    values = _anew_link(held(link), conf.keyring)
    change(link, **{column: getattr(has_both, column)})
    before = rows()
    assert (statements.reseal_link(**values), rows()) == (0, before)


def test_nor_is_a_revocation_that_another_run_has_sealed_anew(link):
    keep_for_revocation(link)
    row = PendingRevocation.objects.get()
    written = statements.reseal_revocation(pk=row.pk, token=b"late", old_token=b"read before")
    assert (written, PendingRevocation.objects.get().open_token()) == (0, row.open_token())


def test_nor_is_a_connect(user):
    request = begin(user)
    written = statements.reseal_request(pk=request.pk, verifier=b"late", old_verifier=b"before")
    request.refresh_from_db()
    assert (written, request.open_verifier()) == (0, Secret("a-verifier"))


class Terminal(StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_how_far_it_is(link, new_key):
    told = rotate(out=Terminal())[1]
    assert "1 of 1, " in told
    assert " a second, 0:00:00 left" in told


def test_in_a_dry_run_all_rows_count(link, another):
    assert "1 of 2, " in rotate("--dry-run", out=Terminal())[1]


def test_a_log_does_not(link, new_key):
    told = rotate()[1]
    assert "a second" not in told
    assert "\r" not in told
