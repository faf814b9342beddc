"""The way of every request: read, given its fate, executed or not, written down, answered or not.

What a request means is its dialect's business. One request is executed at a time, under the cloud's lock; waiting is
done outside it.
"""

from __future__ import annotations

import io
import select
import socket
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, NoReturn

from localcloud.core.asked import Answer, Asked, Dialect, Environ
from localcloud.core.cloud import Cloud, Json
from localcloud.core.control import Control
from localcloud.core.faults import Fate, Faults, LateCommit, LoseAnswer, LoseRequest, Refuse, Throttle
from localcloud.core.held import Waiting
from localcloud.core.ledger import Ledger, Outcome, Told
from localcloud.core.state import Keeper

BIGGEST_BODY = 256 * 1024 * 1024
MOST_LATE = 1_000
GONE = "localcloud.gone"  # where the server leaves in the environ how to see that the caller hears nothing any more
REQUESTS = uuid.UUID("6f3d1c86-3a51-4a39-9f7b-1d8f3f0a7c11")

StartResponse = Callable[..., Any]


class Dropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One request on its way."""

    environ: Environ
    body: bytes
    asked: Asked
    fate: Fate
    id: str


class Gate:
    """The WSGI application of a local cloud."""

    def __init__(self, cloud: Cloud, dialect: Dialect, state: str | None = None) -> None:
        self.cloud = cloud
        self.dialect = dialect
        self.faults = Faults(cloud.seed)
        self.ledger = Ledger()
        self.waiting = Waiting(cloud.stopping)
        self.keeper = Keeper(cloud, dialect, self.ledger, state)
        self.control = Control(self)
        self._requests = 0
        self._late: dict[str, Asked] = {}
        self._era = 0  # a reset ends it, and with it what is late
        self._count = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request. Raises `Dropped` when the caller shall hear nothing."""
        body = _body(environ)
        if body is None:
            return _send(environ, start_response, Answer(413, (), b""))
        if environ["PATH_INFO"].startswith(Control.PREFIX):
            return _send(environ, start_response, self.control.answer(environ, body))
        return _send(environ, start_response, self.answer(environ, body))

    def answer(self, environ: Environ, body: bytes) -> Answer:
        """The cloud's answer to a request. Raises `Dropped` when the caller shall hear nothing."""
        with self.cloud.lock:  # dialects read by descriptions that are built as they are first needed
            asked = self.dialect.read(environ, body)
        fate = self.faults.decide(asked, self.cloud.clock.now())
        return self._through(_Case(environ, body, asked, fate, self._next_id()))

    def stop(self) -> None:
        """Let nobody wait any longer."""
        self.cloud.stopping.set()
        self.cloud.clock.step(timedelta(0))

    def reset(self) -> None:
        """An empty cloud, without faults, ledger, late or held requests."""
        self.faults.remove()
        with self.cloud.lock:
            self._era += 1
            self.cloud.reset()
            self.dialect.reset()
            self.ledger.clear()
        self.waiting.release("all", drop=True)
        self.keeper.changed()

    def late(self) -> list[Json]:
        """Requests whose callers are gone, and which will be executed yet."""
        with self._count:
            return [
                {"request_id": request, "service": a.service, "action": a.action, "account": a.account}
                for request, a in self._late.items()
            ]

    def _through(self, case: _Case) -> Answer:
        asked, fate, clock = case.asked, case.fate, self.cloud.clock
        if fate.latency and not clock.sleep(timedelta(seconds=fate.latency), self.cloud.stopping):
            raise Dropped
        match fate.instead:
            case Refuse(code, message, status):
                return self._no(case, code, message, status)
            case Throttle():
                return self._no(case, *self.dialect.throttled(asked))
            case LoseRequest() as loss:
                self._write(case, Outcome.dropped, Told.lost)
                self._lose(case, loss)
            case LateCommit(after):
                self._later(case, clock.now() + timedelta(seconds=after))
                raise Dropped
            case None:
                pass
        before, after_it, lose = fate.hold_before, fate.hold, fate.lose
        if before and not self.waiting.hold(asked, fate.rules, clock.now(), before.seconds, executed=False):
            self._write(case, Outcome.dropped, Told.lost)
            raise Dropped
        told = Told.lost if lose else Told.held if after_it else Told.answered
        answer, entry = self._execute(case, told)
        if after_it:
            go = self.waiting.hold(asked, fate.rules, clock.now(), after_it.seconds, executed=True, entry=entry)
            self.ledger.tell(entry, Told.lost if lose or not go else Told.answered)
            if not go:
                raise Dropped
        if lose:
            self._lose(case, lose)
        return answer

    def _execute(self, case: _Case, told: Told, *, late: bool = False) -> tuple[Answer, int]:
        """Carry out, sign and write down, as one: the ledger's order is the order of execution."""
        if self.dialect.waits(case.asked):
            return self._carry_out(case, told, late=late)
        with self.cloud.lock:
            return self._carry_out(case, told, late=late)

    def _carry_out(self, case: _Case, told: Told, *, late: bool) -> tuple[Answer, int]:
        asked, dialect, broken = case.asked, self.dialect, False
        case.environ["wsgi.input"] = io.BytesIO(case.body)
        case.environ["CONTENT_LENGTH"] = str(len(case.body))
        try:
            answer = dialect.execute(case.environ, case.body, asked)
        except Exception:  # noqa: BLE001  # whatever an emulator raises, its caller is told in the cloud's own shape
            broken = True
            traceback.print_exc(file=sys.stderr)
            answer = dialect.refusal(asked, *dialect.internal(asked))
        answer = dialect.signed(asked, answer, case.id)
        outcome = Outcome.broken if broken else Outcome.refused if answer.refused else Outcome.executed
        entry = self._write(
            case,
            outcome,
            told,
            status=answer.status,
            code=dialect.code(asked, answer),
            late=late,
            made=dialect.made(asked, answer) if asked.mutates and outcome is Outcome.executed else (),
            touched=dialect.touched(asked, answer) if asked.mutates else (),
        )
        self.keeper.changed()
        return answer, entry

    def _no(self, case: _Case, code: str, message: str, status: int) -> Answer:
        self._write(case, Outcome.faulted, Told.answered, status=status, code=code)
        return self.dialect.signed(case.asked, self.dialect.refusal(case.asked, code, message, status), case.id)

    def _later(self, case: _Case, due: datetime) -> None:
        era = self._era
        case.environ.pop(GONE, None)
        with self._count:
            room = len(self._late) < MOST_LATE
            if room:
                self._late[case.id] = case.asked
        if not room:
            self._write(case, Outcome.dropped, Told.lost)
            return

        def commit() -> None:
            try:
                if self.cloud.clock.sleep_until(due, self.cloud.stopping):
                    with self.cloud.lock:
                        if era == self._era:
                            self._execute(case, Told.lost, late=True)
            finally:
                with self._count:
                    self._late.pop(case.id, None)

        threading.Thread(target=commit, name=f"late {case.id}", daemon=True).start()

    def _write(self, case: _Case, outcome: Outcome, told: Told, *, status: int = 0, code: str = "", **more: Any) -> int:
        """The number of its entry; 0, which is none, for a request that changes nothing."""
        if not case.asked.mutates:
            return 0
        now = self.cloud.clock.now()
        return self.ledger.add(case.asked, now, outcome, told, status, code, case.id, faults=case.fate.rules, **more)

    def _lose(self, case: _Case, loss: LoseAnswer | LoseRequest) -> NoReturn:
        """Drop the connection; first stay silent, if so wished, while the caller is there to hear nothing."""
        if loss.how == "silence":
            end = time.monotonic() + loss.seconds
            while time.monotonic() < end and not self.cloud.stopping.wait(0.1):
                if case.environ.get(GONE, _nobody)():
                    break
        raise Dropped

    def _next_id(self) -> str:
        with self._count:
            self._requests += 1
            # How often this state was taken up is part of it: after a restart the count begins again, ids must not.
            return str(uuid.uuid5(REQUESTS, f"{self.cloud.seed}:{self.keeper.lives}:{self._requests}"))


def _body(environ: Environ) -> bytes | None:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        body: bytes = stream.read(BIGGEST_BODY + 1)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    else:
        body = stream.read(min(int(environ.get("CONTENT_LENGTH") or 0), BIGGEST_BODY + 1))
    return None if len(body) > BIGGEST_BODY else body


def _send(environ: Environ, start_response: StartResponse, answer: Answer) -> Iterable[bytes]:
    status = f"{answer.status} {HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else 'Error'}"
    headers = [(k, v) for k, v in answer.headers if k.lower() not in {"connection", "transfer-encoding"}]
    head = environ["REQUEST_METHOD"] == "HEAD"
    if not head and not answer.header("content-length") and answer.status not in {204, 304}:
        headers.append(("Content-Length", str(len(answer.body))))
    start_response(status, headers)
    return [] if head else [answer.body]


def _nobody() -> bool:
    return True


def has_left(connection: socket.socket) -> bool:
    """Whether the other end of a connection has closed it."""
    try:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0)) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True
