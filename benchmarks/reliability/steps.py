"""The steps of the protocol, seen from outside: which statement runs, and when a token leaves.

A process notes its steps and, where it is told to, sends itself a signal at one of them.
"""

import hashlib
import math
import re
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from django.db import Error
from django.db.backends.signals import connection_created

from benchmarks.reliability.journal import Journal
from buffer_connect.transport.wire import NoAnswer, Wire

# A piece of the text of each statement; the first that fits is meant.
BOTH = "T1 and T2"
STATEMENTS = {
    BOTH: "sent_count = 1, sent_at",
    "T1": "SET lease_owner =",
    "T2": "sent_count = CASE",
    "T3": "generation = generation + 1",
    "T4": "WHERE id = %(pk)s AND lease_owner",
    "T5": "sent_ended_at = CASE WHEN sent_count = 1",
    "T6": "failures = failures + 1, last_error",
    # What it is put off by comes after those that count a failure.
    "T4b": "last_error = %(error)s,\n  next_attempt_at",
    "T7b": "SET refused_generation = %(",
    "end": "SET status = 'revoked'",
}
CLAIMED = "SELECT id, epoch, generation FROM buffer_connect_bufferlink WHERE lease_owner = %s"
SEND = "send"
# After a standstill, in seconds: two in a row would outlast the quarantine.
REST = 4.0
REFRESH = b"grant_type=refresh_token"
# Where a process can be killed or stopped: the step, and whether before or after it.
MOMENTS = {
    "before T1": ("T1", "before"),
    "between T1 and T2": ("T1", "after"),
    "between T2 and the send": ("T2", "after"),
    "at the last moment before the send": (SEND, "before"),
    "after the send": (SEND, "after"),
    "answer arrived, not stored": ("T3", "before"),
    "after T3": ("T3", "after"),
}
# Link, epoch, generation.
Held = tuple[int, str, int]


class Watch:
    """Notes the steps of this process in its journal, and lets it meet a signal at one of them.

    `at` is one of `MOMENTS`, `number` the signal that the process sends itself there, when it comes
    there for the `times`-th time. With `again` that goes on, after a rest.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        at: str = "",
        number: int = 0,
        times: int = 1,
        again: bool = False,
    ) -> None:
        self._journal, self._at = journal, at
        self._moment = MOMENTS.get(at)
        self._number, self._times, self._left = number, times, times
        self._again = again
        self._rests_until = 0.0
        # What this process did something about last, by link.
        self._seen: dict[int, list[Held]] = {}
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Watch all database connections and all that is sent from now on."""
        connection_created.connect(self._watch, weak=False)
        sendall = socket.socket.sendall

        def watched(sock: socket.socket, data: Any, *flags: int) -> None:
            if REFRESH not in bytes(data):
                return sendall(sock, data, *flags)
            self._meet(SEND, "before")
            self._journal.note("send", token=_token(data))
            sendall(sock, data, *flags)
            return self._meet(SEND, "after")

        socket.socket.sendall = watched  # type: ignore[method-assign]
        post = Wire.post

        def noted(wire: Wire, url: str, *, body: bytes, **rest: Any) -> Any:
            error = ""
            try:
                return post(wire, url, body=body, **rest)
            except NoAnswer as fault:
                error = str(fault)
                raise
            finally:
                if REFRESH in body:
                    self._journal.note("over", token=_token(body), error=error)

        Wire.post = noted  # type: ignore[method-assign]

    def _watch(self, connection: Any, **_: Any) -> None:
        self._journal.note("session", id=_session(connection))
        if self._statement not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._statement)

    def _statement(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        step = step_of(sql)
        if step is None:
            return execute(sql, params, many, context)
        # A caller claims and writes down in one.
        first, step = ("T1", "T2") if step == BOTH else (step, step)
        if step == "T3":
            self._journal.note("store", held=_held(params))
        self._meet(first, "before")
        began = time.time()
        result = execute(sql, params, many, context)
        ended, rows = time.time(), context["cursor"].rowcount
        held = self._whose(step, params, rows, context["connection"])
        self._journal.note("step", name=step, began=began, ended=ended, held=held, rows=rows)
        self._meet(step, "after")
        return result

    def _whose(self, step: str, params: Any, rows: int, connection: Any) -> list[Held]:
        """Return what a statement was for; a release names no more than the link."""
        if step == "T4":
            return self._seen.get(params["pk"], [])
        held = _claimed(connection, params) if step == "T1" and rows else _held(params)
        self._seen |= {each[0]: [each] for each in held}
        return held

    def _meet(self, step: str, moment: str) -> None:
        if (step, moment) != self._moment:
            return
        with self._lock:
            self._left -= 1
            if self._left <= 0 and time.monotonic() > self._rests_until:
                self._journal.note("signal", number=self._number, moment=self._at)
                # kill() may let this thread run on while another one takes the signal.
                signal.raise_signal(self._number)
                self._rests_until = time.monotonic() + (REST if self._again else math.inf)
                self._left = self._times


def step_of(sql: str) -> str | None:
    """Return which step of the protocol a statement is; None for any other."""
    return next((name for name, piece in STATEMENTS.items() if piece in sql), None)


def _token(body: Any) -> str:
    """Return the digest of the refresh token in the body of a request."""
    (token,) = parse_qs(bytes(body).decode())["refresh_token"]
    return hashlib.sha256(token.encode()).hexdigest()


def _session(connection: Any) -> int:
    """Return by which number the database knows the session; 0 where it has none."""
    match connection.vendor:
        case "postgresql":
            return int(connection.connection.info.backend_pid)
        case "mysql":
            return int(connection.connection.thread_id())
        case _:
            return 0


def _claimed(connection: Any, params: Mapping[str, Any]) -> list[Held]:
    """Return (link, epoch, generation) of each row that a claim has got."""
    with suppress(Error), connection.cursor() as cursor:
        cursor.execute(CLAIMED, [params["owner"]])
        return [(pk, _text(epoch), generation) for pk, epoch, generation in cursor.fetchall()]
    return []


def _text(epoch: Any) -> str:
    """Return an epoch in one form: a database without the type holds its hexadecimal digits."""
    return str(uuid.UUID(str(epoch)))


def _held(params: Mapping[str, Any]) -> list[Held]:
    """Return (link, epoch, generation) of each row that a statement names by all three."""
    numbers = [match[1] for name in params if (match := re.fullmatch(r"pk(\d*)", name))]
    return [
        (params[f"pk{n}"], _text(params[f"epoch{n}"]), params[f"generation{n}"])
        for n in numbers
        if f"epoch{n}" in params
    ]
