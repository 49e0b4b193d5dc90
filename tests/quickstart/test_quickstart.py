"""The quick start is followed to the letter: from `startproject` to a post."""

import pytest

from tests.documents import CHECKOUT, DOCS, Document
from tests.quickstart.reader import TEXT, Reader
from tests.quickstart.steps import Command, File, steps_of

DOCUMENTS = [Document(CHECKOUT / "README.md"), Document(DOCS / "quickstart.md")]


@pytest.mark.long
@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_whoever_follows_it_has_posted(document, tmp_path):
    with Reader(tmp_path) as reader:
        reader.follow(document.text)
        assert "Shared." in reader.share().text
        assert [post["given"]["text"] for post in reader.posts()] == [TEXT]
        assert "WARNING" not in reader.printed


def test_both_tell_the_same_steps():
    first, second = (steps_of(document.text) for document in DOCUMENTS)
    assert first == second


def test_a_file_is_named_above_its_block():
    text = "# Quick start\n\n`a/b.py`, at its end:\n\n```python\nx = 1\n```\n"
    assert steps_of(text) == [File("a/b.py", "x = 1\n", at_its_end=True)]


def test_commands_stand_behind_a_dollar():
    text = "# Quick start\n\n```console\n$ cd mysite\nanswered\n$ ls\n```\n\n# Else\n"
    assert steps_of(text) == [Command("cd mysite"), Command("ls")]


def test_a_block_that_nobody_could_place_is_a_mistake():
    with pytest.raises(ValueError, match="No file is named"):
        steps_of("# Quick start\n\n```python\nx = 1\n```\n")
