"""The README: its code compiles, and what it names is there."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

CHECKOUT = Path(__file__).resolve().parent.parent.parent
README = CHECKOUT / "README.md"
if not README.exists():
    pytest.skip("the README is not beside the tests", allow_module_level=True)

TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_its_code_compiles(block):
    compile(block, "README.md", "exec")


@pytest.mark.parametrize("line", re.findall(r"^from buffer_connect.*$", TEXT, re.MULTILINE))
def test_what_it_imports_is_there(line):
    exec(line, {})


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(buffer_[a-z]+)[ `]", TEXT))))
def test_its_commands_are_there(name):
    assert name in {*get_commands(), "buffer_connect"}


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)]+)\)", TEXT))
def test_its_links_lead_somewhere(path):
    assert (CHECKOUT / path).exists()
