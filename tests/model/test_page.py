"""docs/protocol.md tells of the model what `python -m tests.model` prints."""

import pytest

from tests.documents import DOCS, Document
from tests.model.worlds import WORLDS, searched


@pytest.mark.long
def test_the_page_tells_what_was_searched():
    told = Document(DOCS / "protocol.md").table("How this is checked")
    states = {name: [f"{len(searched(name).states):,} states"] for name in WORLDS}
    assert told.items() >= states.items()
