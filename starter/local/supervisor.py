"""Keeps an environment running until it is told to stop, and leaves nothing behind. `python -m` it to detach it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from holdfast.errors import HoldfastError, Refused, Unavailable
from starter.local import ports, temporal
from starter.local.child import Child
from starter.local.crew import CLOUDS, Crew, names
from starter.local.state import State, lock, read, write

READY = 90.0  # seconds for everything to become healthy
LOOK = 0.1  # seconds between two looks until then, and ten times as long afterwards
LEFT_OVER = 35.0  # seconds for what a killed supervisor left to notice

FIRST_CLOUD = "aws"

Say = Callable[[str], None]


async def supervise(directory: Path, say: Say, *, clouds: Sequence[str] = (), parent: int | None = None) -> State:
    """Run the environment of a directory until SIGTERM or SIGINT; given a parent: or until that has ended.

    Its clouds are those it had before and those that are named; where there are none, AWS.
    Raises `Refused` when it runs already, `Unavailable` when it does not become healthy. Nothing is left in any case.
    """
    lives = lock(directory)
    if not lives.take():
        raise Refused(
            f"{directory} runs already", next="`holdfast local status` shows it; `holdfast local stop` ends it"
        )
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, end.set)
    watching = asyncio.create_task(_orphaned(parent, end)) if parent is not None else None
    supervisor = _Supervisor(directory, say, clouds)
    try:
        await supervisor.run(end)
    except BaseException as error:
        supervisor.failure = str(error) or type(error).__name__
        raise
    finally:
        if watching is not None:
            watching.cancel()
        await supervisor.end()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
        lives.give()
    return read(directory)


class _Supervisor:
    def __init__(self, directory: Path, say: Say, clouds: Sequence[str]) -> None:
        self._directory, self._say, self._wanted = directory, say, clouds
        self._crew: Crew | None = None
        self._started: list[Child] = []
        self._before = read(directory)
        self._noted: State | None = None
        self.failure = ""
        self._state = replace(self._before, running=True, supervisor=os.getpid(), ready=False, failure="")
        write(self._state)

    async def run(self, end: asyncio.Event) -> None:
        """Start all, wait until they are well, and watch them until the end."""
        before = self._before
        await _gone([p.pid for p in before.processes if p.pid])
        choosing = ports.choosing()
        await asyncio.to_thread(choosing.take, wait=True)
        try:
            wanted = {*before.clouds, *self._wanted} or {FIRST_CLOUD}
            chosen = ports.choose(names([cloud for cloud in CLOUDS if cloud in wanted]), before.ports)
            for name, port in chosen.items():
                if name in before.ports and before.ports[name] != port:
                    self._say(f"{name}: port {before.ports[name]} is somebody else's now; {port} instead.")
            self._state = replace(self._state, ports=chosen)
            self._crew = crew = Crew(self._state)
            self._say("Starting Temporal and the local clouds …")
            await self._start(crew.bases)
            ready = await self._well(crew.bases, end)
        finally:
            choosing.give()
        if ready:
            assert crew.client is not None  # noqa: S101  # the server is well
            await temporal.prepare(crew.client)
            self._say("Starting the workers …")
            await self._start(crew.workers)
            ready = await self._well(crew.all, end)
        if ready:
            self._state = replace(self._state, ready=True)
            while not end.is_set():
                await self._look(crew.all)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(end.wait(), 10 * LOOK)

    async def end(self) -> None:
        """Workers first: what they have under way is finished while there is a server to say so to."""
        if self._crew is not None:
            for group in (self._crew.workers, self._crew.bases):
                await asyncio.gather(*(child.end() for child in group if child in self._started))
        processes = tuple(replace(p, pid=None, healthy=False) for p in self._state.processes)
        ended = replace(self._state, running=False, supervisor=None, processes=processes, ready=False)
        write(replace(ended, failure=self.failure))

    async def _start(self, children: list[Child]) -> None:
        for child in children:
            self._started.append(child)
            await child.start()
        self._note()

    async def _well(self, children: list[Child], end: asyncio.Event) -> bool:
        """Whether all became well before the end. Raises `Unavailable` when they do not."""
        loop = asyncio.get_running_loop()
        until = loop.time() + READY
        while not end.is_set():
            await self._look(children)
            ill = [child for child in children if not child.well]
            if not ill:
                return True
            if loop.time() > until:
                raise Unavailable(
                    f"{', '.join(c.name for c in ill)} did not become healthy within {READY:.0f} s",
                    standing="everything that was started has been stopped",
                    next=f"look into {ill[0].log}",
                )
            await asyncio.sleep(LOOK)
        return False

    async def _look(self, children: list[Child]) -> None:
        await asyncio.gather(*(child.look() for child in children))
        self._note()

    def _note(self) -> None:
        self._state = replace(self._state, processes=tuple(child.seen for child in self._started))
        if self._state != self._noted:
            write(self._state)
            self._noted = self._state


async def _gone(pids: list[int]) -> None:
    """Wait until what a killed supervisor left is gone: it holds the ports and the database."""
    loop = asyncio.get_running_loop()
    until = loop.time() + LEFT_OVER
    # Other processes tell nobody when they end.
    while any(_ours(pid) for pid in pids) and loop.time() < until:  # noqa: ASYNC110  # see above
        await asyncio.sleep(LOOK)


def _ours(pid: int) -> bool:
    """Whether it lives, and is one of ours: a pid may be somebody else's by now."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return any(word in line for word in (b"start-dev", b"localcloud.", b"\0workers\0"))


async def _orphaned(parent: int, end: asyncio.Event) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110  # the kernel tells nobody whose parent has died
        await asyncio.sleep(0.25)
    end.set()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """As a process of its own; what it says goes to its standard error."""
    parser = argparse.ArgumentParser(prog="python -m starter.local.supervisor", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--cloud", choices=CLOUDS, action="append", default=[], help="one that plays, beside others")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this, the parent process, has")
    chosen = parser.parse_args()
    try:
        asyncio.run(supervise(chosen.directory, _say, clouds=chosen.cloud, parent=chosen.parent))
    except HoldfastError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
