"""One run: all is started, trouble comes, calm returns, and what is left is collected."""

import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.reliability import journal, timing
from benchmarks.reliability.buffer import Buffer, serving
from benchmarks.reliability.conductor import Conductor
from benchmarks.reliability.crew import Crew
from benchmarks.reliability.databases import Server, SQLite, of_this_run
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
        database = stack.enter_context(_database())
        crew = Crew(
            random.Random(seed),  # noqa: S311
            folder,
            url=database.worker_url,
            order={"issuer": buffer.url, "weaken": weaken},
            is_deadly=not standstills_only,
        )
        stack.callback(crew.kill)
        witness = stack.enter_context(_witness())
        crew.start(sweeps=SWEEPS, callers=CALLERS)
        done = _play(
            Conductor(rng, buffer, crew=crew, people=people, staff=Staff(), database=database),
            seconds=seconds,
            standstills_only=standstills_only,
        )
        crew.end()
        witness.end()
        told = _records(buffer, people, witness)
        return Raw(hands=crew.gone, lines=journal.read(folder), done=done, **told)


@contextmanager
def _database() -> Iterator[Server | SQLite]:
    """Give Django's database to be taken away and brought back; leave it as it was."""
    database = of_this_run()
    with closing(database):
        database.prepare()
        try:
            yield database
        finally:
            database.remove()


@contextmanager
def _witness() -> Iterator[Witness]:
    """Give a witness who looks on from now until the end."""
    witness = Witness()
    witness.start()
    try:
        yield witness
    finally:
        witness.end()


def _play(conductor: Conductor, *, seconds: float, standstills_only: bool) -> Counter[str]:
    """Let trouble come and calm return; return what was done."""
    go_wrong = conductor.stand_still if standstills_only else conductor.trouble
    go_wrong(seconds - timing.SETTLE)
    conductor.calm(timing.SETTLE)
    return conductor.done


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
