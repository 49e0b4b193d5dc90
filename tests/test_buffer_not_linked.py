"""`buffer_not_linked`: who has to connect (again)."""

import sys
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from buffer_connect.models import BufferLink
from tests.links import link_to
from tests.pipes import unread

pytestmark = pytest.mark.django_db

NO_TOKENS = {"refresh_token": None, "access_token": None}


@pytest.fixture
def listed():
    """Run the command; return what it prints, and what it complains of."""

    def listed(*arguments):
        out, complaints = StringIO(), StringIO()
        call_command("buffer_not_linked", *arguments, stdout=out, stderr=complaints, no_color=True)
        return out.getvalue().splitlines(), complaints.getvalue().splitlines()

    return listed


@pytest.fixture
def named(tmp_path):
    """A file with these names."""

    def named(*names):
        path = tmp_path / "names.txt"
        path.write_text("\n".join(names), encoding="utf-8")
        return path

    return named


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


def test_users_without_a_link_are_listed(listed, user, other_user):
    names, complaints = listed()
    assert (sorted(names), complaints) == (["member", "visitor"], [])


def test_users_with_an_active_link_are_not(listed, link, other_user):
    assert listed() == (["visitor"], [])


@pytest.mark.parametrize("status", ["revoked", "disconnected"])
def test_users_whose_link_has_ended_are(listed, link, status):
    BufferLink.objects.update(status=status, **NO_TOKENS)
    assert listed() == (["member"], [])


def test_of_several_links_an_active_one_is_enough(listed, link, sandbox, user):
    other = link_to(sandbox, user, account="account-2")
    BufferLink.objects.filter(pk=other.pk).update(status="revoked", **NO_TOKENS)
    assert listed() == ([], [])


def test_users_that_are_disabled_are_left_out(listed, user, other_user, named):
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    assert listed() == (["visitor"], [])
    assert listed("--usernames-from", named("member", "visitor")) == (["visitor"], [])


def test_names_restrict_the_list_and_keep_their_order(listed, user, other_user, named):
    get_user_model().objects.create_user("third")
    assert listed("--usernames-from", named("visitor", "member")) == (["visitor", "member"], [])


def test_linked_users_among_the_names_are_left_out(listed, link, other_user, named):
    assert listed("--usernames-from", named("member", "visitor")) == (["visitor"], [])


def test_names_that_nobody_has_are_told_apart(listed, user, named):
    told = listed("--usernames-from", named("nobody", "member", "Member"))
    assert told == (["member"], ["no such user: nobody", "no such user: Member"])


def test_blanks_doubles_and_a_spreadsheets_mark_do_no_harm(listed, user, named):
    assert listed("--usernames-from", named("\ufeffmember ", "", "member")) == (["member"], [])


def test_names_may_come_on_standard_input(listed, user, monkeypatch):
    monkeypatch.setattr(sys, "stdin", StringIO("member\nnobody\n"))
    assert listed("--usernames-from", "-") == (["member"], ["no such user: nobody"])


def test_a_file_that_is_not_there_is_said(listed, tmp_path):
    with pytest.raises(CommandError, match="names"):
        listed("--usernames-from", str(tmp_path / "names"))


def test_a_file_that_is_no_text_is_said(listed, tmp_path):
    path = tmp_path / "names"
    path.write_bytes(b"\xff\xff")
    with pytest.raises(CommandError, match="names"):
        listed("--usernames-from", str(path))


@pytest.mark.parametrize("arguments", [[], ["--usernames-from", "-"]], ids=["all", "names"])
def test_a_database_that_is_away_is_told_in_a_line(listed, monkeypatch, arguments):
    def fail(execute, sql, params, many, context):
        raise OperationalError("away\nIs it running?")

    monkeypatch.setattr(sys, "stdin", StringIO("member\n"))
    told = r"^The users cannot be listed. OperationalError: away\.$"
    with connection.execute_wrapper(fail), pytest.raises(CommandError, match=told) as raised:
        listed(*arguments)
    assert raised.value.returncode == 1


@pytest.mark.long
def test_a_reader_that_has_seen_enough_is_no_traceback(database_url, user):
    assert unread(database_url, "buffer_not_linked") == (0, "")


@pytest.fixture
def crowd(db):
    """More users than are held at once."""
    users = get_user_model()
    users.objects.bulk_create(users(username=f"user-{number}") for number in range(1001))


def test_many_users_come_page_by_page(listed, crowd, django_assert_num_queries):
    with django_assert_num_queries(4):
        names, _ = listed()
    assert len({*names}) == len(names) == 1001


@pytest.mark.long
def test_many_names_are_looked_up_page_by_page(listed, crowd, named, django_assert_num_queries):
    path = named(*(f"user-{number}" for number in range(1001)))
    with django_assert_num_queries(3):
        names, _ = listed("--usernames-from", path)
    assert len(names) == 1001
