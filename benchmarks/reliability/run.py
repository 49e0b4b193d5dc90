"""One run: all is started, trouble comes, calm returns, and what is left is collected."""

import random
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.reliability import journal, timing
from benchmarks.reliability.buffer import Buffer, serving
from benchmarks.reliability.conductor import Conductor
from benchmarks.reliability.crew import Crew
from benchmarks.reliability.databases import of_this_run
from benchmarks.reliability.findings import Raw
from benchmarks.reliability.people import People
from benchmarks.reliability.settings import point_to
from benchmarks.reliability.staff import Staff
from benchmarks.reliability.witness import Witness

SWEEPS, CALLERS = 3, 3


def run(*, seconds: float, seed: int, links: int, standstills_only: bool, weaken: str) -> Raw:
    """Let things go wrong for a while, let them settle, and return all that is known of it.

    `seconds` are all of it but the start; Django's database is one that was made for this.
    With `standstills_only` nothing goes wrong but that processes stand still.
    """
    rng = random.Random(seed)  # noqa: S311
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        buffer = stack.enter_context(serving(timing.TOKEN_LIFE))
        point_to(buffer.url)
        people = People(rng, buffer)
        people.connect(links)
        database = of_this_run()
        stack.callback(database.close)
        database.prepare()
        stack.callback(database.remove)
        order = {"issuer": buffer.url, "weaken": weaken}
        crew = Crew(
            random.Random(seed),  # noqa: S311
            folder,
            url=database.worker_url,
            order=order,
            is_deadly=not standstills_only,
        )
        stack.callback(crew.kill)
        witness = Witness()
        witness.start()
        stack.callback(witness.end)
        crew.start(sweeps=SWEEPS, callers=CALLERS)
        conductor = Conductor(
            rng, buffer, crew=crew, people=people, staff=Staff(), database=database
        )
        go_wrong = conductor.stand_still if standstills_only else conductor.trouble
        go_wrong(seconds - timing.SETTLE)
        conductor.calm(timing.SETTLE)
        crew.end()
        witness.end()
        return Raw(
            hands=crew.gone,
            lines=journal.read(folder),
            done=conductor.done,
            **_records(buffer, people, witness),
        )


def _records(buffer: Buffer, people: People, witness: Witness) -> dict[str, Any]:
    """Return what the server, the database and the witness tell afterwards."""
    return {
        "grants": buffer.grants(),
        "requests": buffer.requests(),
        "grant_ids": people.grants,
        "standings": people.standings(),
        "looks": witness.looks,
        "away": witness.away(),
        "halted": witness.halted(),
    }
