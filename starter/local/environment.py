"""Start, stop and look at the embedded environment of a directory.

state = start(Path(".holdfast"), detach=True, say=print)
os.environ.update(env(Path(".holdfast")))
stop(Path(".holdfast"), say=print)
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from holdfast.errors import InvalidInput, NotFound, Refused, Unavailable
from starter.local.state import State, held, read

DEFAULT = Path(".holdfast")
PATIENCE = 150.0  # seconds: what the supervisor allows what an earlier one left, and then its own, with some to spare
LOOK = 0.05
PLAYED = {"aws": ("cheroot", "moto")}  # what a local cloud is made of; others need the first alone

_launched: dict[int, subprocess.Popen[bytes]] = {}  # supervisors that are our own children


def start(directory: Path, *, detach: bool, say: Callable[[str], None], clouds: Sequence[str] = ()) -> State:
    """Start everything, and return when all of it is healthy: with `detach`, while it runs on; else once it has ended.

    In the foreground it runs until Ctrl-C or SIGTERM, needs the main thread, and leaves nothing running. What an
    earlier start left in the directory is gone on with: the same ports, the same database, the same clouds, and those
    that are named; where there are none, AWS.
    Raises `Refused` when it runs there already, `Unavailable` when something does not become healthy, and
    `InvalidInput` where a cloud's SDK is not installed or a variable of `HOLDFAST_*` is wrong.
    """
    _installed(directory, clouds)
    if detach:
        return launch(directory, say, clouds=clouds)
    from starter.local.supervisor import supervise

    directory = _whole(directory)

    async def foreground() -> State:
        running = asyncio.create_task(supervise(directory, say, clouds=clouds))
        while not running.done() and not _up(os.getpid(), directory):  # noqa: ASYNC110  # it says so in a file
            await asyncio.sleep(LOOK)
        if not running.done():
            _welcome(read(directory), say)
            say("Ctrl-C ends it; what runs goes on at the next start.")
        return await running

    state = asyncio.run(foreground())
    say("Stopped. Nothing is left running.")
    return state


def launch(
    directory: Path, say: Callable[[str], None], *, clouds: Sequence[str] = (), with_parent: bool = False
) -> State:
    """Start everything under a supervisor of its own; `with_parent`: that ends when this process has.

    Raises as `start` does.
    """
    directory = _whole(directory)
    _installed(directory, clouds)
    if held(directory):
        raise _already(directory)
    logs = directory / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "starter.local.supervisor", str(directory)]
    command += [word for cloud in clouds for word in ("--cloud", cloud)]
    with (logs / "supervisor.log").open("ab") as log:
        begin = log.tell()
        child = subprocess.Popen(
            command + (["--parent", str(os.getpid())] if with_parent else []),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    said, until = begin, time.monotonic() + PATIENCE
    try:
        while True:
            said = _relay(logs / "supervisor.log", said, say)
            if _up(child.pid, directory):
                _launched[child.pid] = child
                _welcome(state := read(directory), say)
                return state
            if child.poll() is not None:
                if held(directory):  # somebody else was quicker
                    raise _already(directory)
                why = (logs / "supervisor.log").read_bytes()[said:].decode(errors="replace").strip()
                raise Unavailable(
                    f"the environment did not start{': ' * bool(why)}{why}",
                    standing="nothing is left running",
                    next=f"look into {logs}",
                )
            if time.monotonic() > until:
                raise Unavailable(f"the environment did not start within {PATIENCE:.0f} s", next=f"look into {logs}")
            time.sleep(LOOK)
    except BaseException:
        if child.poll() is None:
            child.terminate()
            child.wait()
        raise


def stop(directory: Path, say: Callable[[str], None]) -> State:
    """End everything that runs for a directory, in order; runs in progress go on at the next start.

    Where nothing runs it says so, and that is no error. Raises `Unavailable` when the supervisor does not end.
    """
    directory = _whole(directory)
    until = time.monotonic() + PATIENCE
    while (state := read(directory)).supervisor is None and held(directory) and time.monotonic() < until:
        time.sleep(LOOK)  # it has just begun, and has not said who it is
    if state.supervisor is None or not state.running:
        say(f"Nothing runs in {directory}.")
        return state
    say("Stopping …")
    os.kill(state.supervisor, signal.SIGTERM)
    while held(directory):
        if time.monotonic() > until:
            raise Unavailable(
                f"the supervisor {state.supervisor} does not end", next=f"look into {directory / 'logs'}; then kill it"
            )
        time.sleep(LOOK)
    _reap(state.supervisor)
    say("Stopped. Nothing is left running.")
    return read(directory)


def status(directory: Path) -> State:
    """What runs there. Nothing, or a directory that does not exist: a state that is not `running`."""
    return read(_whole(directory))


def env(directory: Path) -> dict[str, str]:
    """The variables by which a shell reaches the environment. Raises `NotFound` where none was ever started."""
    from starter.local.crew import variables

    state = read(_whole(directory))
    if not state.ports:
        raise NotFound(f"nothing was ever started in {directory}", next="`holdfast local start`")
    return variables(state)


def _installed(directory: Path, clouds: Sequence[str]) -> None:
    """Before anything starts: a worker that cannot begin would be waited for in vain."""
    from workers.composition import open_cloud
    from workers.settings import Settings

    Settings.read()
    every = list(dict.fromkeys([*read(_whole(directory)).clouds, *clouds])) or ["aws"]
    need(every)
    for cloud in every:
        open_cloud(cloud)


def need(clouds: Sequence[str], *, server: bool = True) -> None:
    """Raises `InvalidInput`, naming together all extras that are not installed: each cloud's, and what plays it.

    `server`: Temporal's is needed too.
    """
    from starter.local.temporal import program
    from workers.composition import SDKS, first_missing

    missing = {cloud: first_missing(SDKS.get(cloud, ())) for cloud in clouds}
    played = dict.fromkeys(module for cloud in clouds for module in PLAYED.get(cloud, ("cheroot",)))
    missing["local"] = "the `temporal` program" if server and program() is None else first_missing(played)
    lacking = {extra: what for extra, what in missing.items() if what is not None}
    if lacking:
        raise InvalidInput(
            f"not installed, and needed here: {', '.join(lacking.values())}",
            standing="nothing was started",
            next=f"pip install 'holdfast[{','.join(lacking)}]'",
        )


def _already(directory: Path) -> Refused:
    return Refused(f"{directory} runs already", next="`holdfast local status` shows it; `holdfast local stop` ends it")


def _up(supervisor: int, directory: Path) -> bool:
    """Whether this supervisor has everything up; the file may still be an earlier one's."""
    state = read(directory)
    return state.running and state.ready and state.supervisor == supervisor


def _whole(directory: Path) -> Path:
    return directory.expanduser().resolve()


def _relay(log: Path, begin: int, say: Callable[[str], None]) -> int:
    """Say what the supervisor has said since, in whole lines."""
    with log.open("rb") as stream:
        stream.seek(begin)
        new = stream.read()
    whole, newline, _ = new.rpartition(b"\n")
    for line in whole.decode(errors="replace").splitlines():
        say(line)
    return begin + len(whole) + len(newline)


def _welcome(state: State, say: Callable[[str], None]) -> None:
    say(f"Temporal {state.address} · Web UI {state.ui}")
    for cloud, endpoint in state.clouds.items():
        say(f"{cloud.upper()}, local: {endpoint}")


def _reap(pid: int) -> None:
    """When it was our own child, take note of its end: it would stay as a zombie."""
    child = _launched.pop(pid, None)
    if child is not None:
        child.wait()
