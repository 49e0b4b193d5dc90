from io import StringIO
from string import ascii_lowercase

import pytest
import time_machine
from django.core.management import CommandError, call_command

from buffer_connect.management.commands.buffer_generate_key import Command
from buffer_connect.sealing import Keyring


def generate(*arguments):
    out = StringIO()
    call_command("buffer_generate_key", *arguments, stdout=out)
    return out.getvalue()


def test_the_output_is_one_entry_to_paste():
    (entry,) = generate().splitlines()
    assert Keyring.parse([entry])


@time_machine.travel("2026-11-30T23:59:59Z")
def test_the_id_is_the_month():
    assert generate().startswith("2026-11:")


@pytest.mark.parametrize(
    ("entries", "kid"),
    [
        (["2026-11:short"], "2026-11b"),
        ("2026-12:a,2026-11:b", "2026-11b"),
        (["2026-11b:a", "2026-11:b"], "2026-11c"),
        ([f"2026-11{letter}:a" for letter in ("", *ascii_lowercase)], "2026-11-30.235959"),
        ([None], "2026-11"),
    ],
    ids=["damaged", "a bare text", "two", "all", "none"],
)
@time_machine.travel("2026-11-30T23:59:59Z")
def test_or_another_one_where_the_settings_have_that_whether_usable_or_not(settings, entries, kid):
    settings.BUFFER_CONNECT = {"ENCRYPTION_KEYS": entries, "UNKNOWN": None}
    assert generate().startswith(f"{kid}:")


def test_the_id_can_be_chosen():
    assert generate("--kid", "blue").startswith("blue:")


def test_every_key_is_new():
    assert generate() != generate()


@pytest.mark.parametrize("kid", ["", "a:b"], ids=["empty", "colon"])
def test_an_id_that_cannot_stand_in_the_setting_is_refused(kid):
    with pytest.raises(CommandError, match="key id"):
        generate("--kid", kid)


def test_it_works_before_the_settings_do(settings, capsys):
    settings.BUFFER_CONNECT = {"ENCRYPTION_KEYS": "?"}
    Command().run_from_argv(["manage.py", "buffer_generate_key", "--kid", "first"])
    assert capsys.readouterr().out.startswith("first:")
