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
from benchmarks.reliability.inquiry import Raw
from benchmarks.reliability.people import People
from benchmarks.reliability.settings import KEYS, hasten, point_to
from benchmarks.reliability.staff import Staff
from benchmarks.reliability.troubles import FAULTS
from benchmarks.reliability.witness import Witness

SWEEPS, CALLERS = 3, 3


def run(*, seconds: float, seed: int, links: int, standstills_only: bool, weaken: str) -> Raw:
    """Let things go wrong for a while, let them settle, and return all that is known of it.

    `seconds` are all of it but the start; Django's database is one that was made for this.
    With `standstills_only` nothing goes wrong but that processes stand still.
    """
    rng, is_deadly = random.Random(seed), not standstills_only  # noqa: S311
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        buffer = stack.enter_context(serving(timing.TOKEN_LIFE))
        point_to(buffer.url, keys=KEYS)
        hasten()
        people = People(rng, buffer)
        people.connect(links)
        database = stack.enter_context(_database())
        order = {"issuer": buffer.url, "keys": KEYS, "weaken": weaken}
        hired = _crew(seed, folder, url=database.worker_url, order=order, is_deadly=is_deadly)
        crew = stack.enter_context(hired)
        witness = stack.enter_context(_witness())
        crew.start(sweeps=SWEEPS, callers=CALLERS)
        done = _play(
            Conductor(rng, buffer, crew=crew, people=people, staff=Staff(), database=database),
            seconds=seconds,
            standstills_only=standstills_only,
        )
        crew.end()
        witness.end()
        told = _records(crew, buffer, people, witness)
        lines = journal.read(folder)
        return Raw(lines=lines, done=done, standstills_only=standstills_only, **told)


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
def _crew(seed: int, folder: Path, **terms: Any) -> Iterator[Crew]:
    """Give a crew to be started; leave none of it behind, whatever has happened."""
    crew = Crew(random.Random(seed), folder, **terms)  # noqa: S311
    try:
        yield crew
    finally:
        crew.kill()


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


def _records(crew: Crew, buffer: Buffer, people: People, witness: Witness) -> dict[str, Any]:
    """Return what the crew, the server, the database and the witness tell afterwards."""
    return {
        "hands": crew.gone,
        "grants": buffer.grants(),
        "requests": {endpoint: buffer.requests(endpoint) for endpoint in FAULTS},
        "grant_ids": people.grants,
        "standings": people.standings(),
        "looks": witness.looks,
        "away": witness.away(),
        "halted": witness.halted(),
    }
