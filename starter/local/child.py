"""A child process that is started again when it dies, and that never outlives whoever started it.

On Linux the kernel ends it when the supervisor has died, however that died. Elsewhere `leash` does: a process that
waits for the supervisor's end and knows its children's pids.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starter.local.state import Process

FIRST, LONGEST = 0.25, 10.0  # seconds before it is started again: doubled each time, forgotten after a good minute
GOOD = 60.0
PATIENCE = 30.0  # seconds that one has to leave in order; a worker drains for 25

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_leash: list[subprocess.Popen[bytes]] = []  # at most one, where there is no `prctl`


@dataclass(slots=True)
class Child:
    """One supervised process."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    healthy: Callable[[], Awaitable[bool]]
    port: int | None = None
    orphaned: signal.Signals = signal.SIGKILL  # what it gets when the supervisor has died
    well: bool = False
    starts: int = 0
    _child: asyncio.subprocess.Process | None = None
    _ending: bool = False
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.directory / "logs" / f"{self.name}.log"

    @property
    def seen(self) -> Process:
        """As it is now."""
        alive = self._child is not None and self._child.returncode is None
        pid = self._child.pid if self._child is not None and alive else None
        return Process(self.name, pid, self.port, healthy=alive and self.well, starts=self.starts)

    async def start(self) -> None:
        """Start it, and keep it going. Raises `OSError` when its program cannot be run at all."""
        await self._spawn()
        self._task = asyncio.create_task(self._keep())

    async def look(self) -> None:
        """Find out whether it answers."""
        alive = self._child is not None and self._child.returncode is None
        self.well = alive and await self.healthy()

    async def end(self) -> None:
        """SIGTERM, and SIGKILL when it does not leave. It is not started again."""
        self._ending = True
        child, task = self._child, self._task
        if child is not None and child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            try:
                await asyncio.wait_for(child.wait(), PATIENCE)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _keep(self) -> None:
        pause = FIRST
        while True:
            assert self._child is not None  # noqa: S101  # started before it is kept
            began = time.monotonic()
            await self._child.wait()
            _tell_leash(f"-{self._child.pid}")
            self.well = False
            if self._ending:
                return
            pause = FIRST if time.monotonic() - began > GOOD else pause
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST)
            if self._ending:
                return
            await self._spawn()

    async def _spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *self.command,
                cwd=self.directory,
                env=dict(self.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C on the terminal is for the supervisor, which ends its children in order.
                start_new_session=True,
                preexec_fn=_tied(os.getpid(), self.orphaned),
            )
        self.starts += 1
        _tell_leash(f"+{self._child.pid}")


def _tell_leash(line: str) -> None:
    """A pid to look after, or no longer; nothing where the kernel looks after them."""
    if _libc is not None:
        return
    if not _leash:
        command = [sys.executable, "-m", "starter.local.leash"]
        _leash.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))
    pipe = _leash[0].stdin
    assert pipe is not None  # noqa: S101  # as asked for
    pipe.write(f"{line}\n".encode())
    pipe.flush()


def _tied(parent: int, orphaned: signal.Signals) -> Callable[[], None] | None:
    """What ties a child to the life of its parent; it runs in the child, before its program does."""
    if _libc is None:
        return None
    libc = _libc

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(orphaned), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return tie
