"""What an operator says after a move, a renaming or a restore: `buffer_status` takes note of it."""

import io

import pytest
from django.core.management import CommandError, call_command

from buffer_connect import flows
from buffer_connect.flows import copies
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation
from tests.links import age, held, link_to, make_due, tokens_of

pytestmark = [pytest.mark.django_db, pytest.mark.long]

Reason = BufferLink.Reason
COLUMNS = [field.attname for field in BufferLink._meta.concrete_fields]


def tell(*options):
    out = io.StringIO()
    call_command("buffer_status", *options, stdout=out, no_color=True)
    return out.getvalue()


@pytest.fixture
def moved(instance, sandbox, user, other_user):
    """A site that has moved: its links carry the old name, or none yet."""
    instance("old")
    links = [link_to(sandbox, user), link_to(sandbox, other_user, account="account-2")]
    PendingRevocation.objects.post_for(links[0])
    BufferLink.objects.filter(pk=links[1].pk).update(instance="")
    instance("new")
    return links


@pytest.fixture
def answer(monkeypatch):
    """Sit at the terminal and give this answer."""

    def sit_down(text):
        terminal = io.StringIO(f"{text}\n")
        terminal.isatty = lambda: True
        monkeypatch.setattr("sys.stdin", terminal)

    return sit_down


def owners():
    links = set(BufferLink.objects.values_list("instance", flat=True))
    return links, set(PendingRevocation.objects.values_list("instance", flat=True))


def test_all_links_are_taken_over(moved, sandbox):
    make_due(moved[0])
    assert tell("--adopt-instance", "--no-input") == "Links taken over by new: 2\n"
    assert owners() == ({"new"}, {"new"})
    make_due(moved[0])
    assert flows.sweep() == 1
    assert sandbox.is_current(tokens_of(moved[0])[1])


def test_more_links_than_one_statement_takes_are_taken_over(moved, monkeypatch):
    monkeypatch.setattr(copies, "AT_ONCE", 1)
    assert tell("--adopt-instance", "--no-input") == "Links taken over by new: 2\n"


def test_a_second_time_nothing_is_left_to_take_over(moved):
    tell("--adopt-instance", "--no-input")
    assert tell("--adopt-instance") == "Links taken over by new: 0\n"


def test_whoever_sits_at_the_terminal_is_asked(moved, answer, capsys):
    answer("yes")
    assert tell("--adopt-instance") == "Links taken over by new: 2\n"
    question = capsys.readouterr().out
    assert "(none yet) 1, old 1" in question
    assert "Let them all belong to new? (yes/no)" in question


def test_without_a_yes_nothing_is_changed(moved, answer):
    answer("y")
    with pytest.raises(CommandError, match="Nothing was changed"):
        tell("--adopt-instance")
    assert owners() == ({"old", ""}, {"old"})


def test_without_a_terminal_nothing_is_changed(moved, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(CommandError, match="--no-input"):
        tell("--adopt-instance")
    assert owners() == ({"old", ""}, {"old"})


@pytest.mark.parametrize(
    ("name", "told"), [(None, 'BUFFER_CONNECT\\["INSTANCE"\\]'), ("", "1 to 100")]
)
def test_links_are_taken_over_for_a_name_only(moved, instance, name, told):
    instance(name)
    with pytest.raises(CommandError, match=told):
        tell("--adopt-instance", "--no-input")
    assert owners() == ({"old", ""}, {"old"})


def restored_from_a_backup(link):
    """Let the link be refreshed, and its row be again as it was before."""
    before = BufferLink.objects.values(*COLUMNS).get(pk=link.pk)
    make_due(link)
    flows.sweep()
    BufferLink.objects.filter(pk=link.pk).update(**before)
    make_due(link)


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.mark.parametrize(
    ("options", "reason"),
    [(["--mark-restored"], Reason.CLONED_OR_RESTORED), (["--json"], Reason.REVOKED_AT_BUFFER)],
    ids=["marked", "not marked"],
)
def test_a_token_that_was_used_after_the_backup_is_told_as_such(link, options, reason):
    restored_from_a_backup(link)
    tell(*options)
    flows.sweep()
    assert held(link).reason == reason


def test_the_number_of_marked_links_is_told(link, sandbox, user):
    link_to(sandbox, user, account="account-2")
    nothing = {"refresh_token": None, "access_token": None}
    BufferLink.objects.filter(pk=link.pk).update(status="revoked", reason="expired", **nothing)
    BufferLink.objects.create(
        user=user, kind="api_key", account_key="key", status="active", instance="new"
    )
    assert tell("--mark-restored") == "Links marked as restored: 1\n"
    assert BufferLink.objects.exclude(restored_at=None).get().account_key != "key"


def test_a_refresh_that_works_takes_the_mark_away(link):
    tell("--mark-restored")
    row = held(link)
    assert abs((row.database_now - row.restored_at).total_seconds()) < 60
    make_due(link)
    flows.sweep()
    assert held(link).restored_at is None


def test_a_mark_outlives_a_refresh_that_fails(link, sandbox):
    tell("--mark-restored")
    make_due(link)
    sandbox.fail_next("rate_limit", retry_after=1)
    flows.sweep()
    sandbox.revoke_account("account-1")
    age(link, minutes=1)
    flows.sweep()
    assert held(link).reason == Reason.CLONED_OR_RESTORED


def test_a_move_and_a_restore_can_be_told_at_once(moved):
    told = tell("--adopt-instance", "--mark-restored", "--no-input")
    assert told == "Links taken over by new: 2\nLinks marked as restored: 2\n"


def test_neither_is_a_state_change(moved):
    tell("--adopt-instance", "--mark-restored", "--no-input")
    assert not LinkEvent.objects.exists()
