"""What the supervisor knows, as it stands in `state.json` of the environment's directory, and who may write it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the environment."""

    name: str  # temporal, cloud-aws, worker-control, worker-aws
    pid: int | None  # None: it does not run at this moment
    port: int | None
    healthy: bool
    starts: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """The environment of one directory, at one moment. Ports are kept while it is stopped."""

    directory: Path
    running: bool
    supervisor: int | None = None  # its pid
    ports: Mapping[str, int] = field(default_factory=dict)  # temporal, ui, cloud-aws
    processes: tuple[Process, ...] = ()
    ready: bool = False  # all were healthy at one time since the start
    failure: str = ""  # why it ended, when that was not asked for

    @property
    def healthy(self) -> bool:
        """Whether everything runs and answers."""
        return self.running and bool(self.processes) and all(p.healthy for p in self.processes)

    @property
    def address(self) -> str:
        """Temporal's, as `TEMPORAL_ADDRESS` takes it; empty before the first start."""
        return f"{HOST}:{self.ports['temporal']}" if "temporal" in self.ports else ""

    @property
    def ui(self) -> str:
        """The address of the Web UI; empty before the first start."""
        return f"http://localhost:{self.ports['ui']}" if "ui" in self.ports else ""

    @property
    def clouds(self) -> dict[str, str]:
        """The endpoint of each local cloud."""
        return {
            name.removeprefix("cloud-"): f"http://{HOST}:{port}"
            for name, port in self.ports.items()
            if name.startswith("cloud-")
        }

    def process(self, name: str) -> Process:
        """One of the processes. Raises `KeyError`."""
        return {p.name: p for p in self.processes}[name]


def read(directory: Path) -> State:
    """As it is. The lock, not the file, says whether a supervisor lives: one that was killed wrote no last word."""
    try:
        found = json.loads((directory / "state.json").read_text())
    except (FileNotFoundError, ValueError):
        return State(directory, running=False)
    fields: dict[str, Any] = {**found, "directory": directory}
    state = State(**fields | {"processes": tuple(Process(**p) for p in found["processes"])})
    return state if state.running and held(directory) else replace(state, running=False)


def write(state: State) -> None:
    """Whole or not at all."""
    file = state.directory / "state.json"
    new = file.with_suffix(".new")
    new.write_text(json.dumps({**asdict(state), "directory": str(state.directory)}, indent=2) + "\n")
    new.replace(file)


class Lock:
    """Held by the supervisor of a directory for as long as it lives, however it ends. No child inherits it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._opened: int | None = None

    def take(self, *, wait: bool = False) -> bool:
        """Whether it is ours now."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(opened)
            return False
        self._opened = opened
        return True

    def give(self) -> None:
        """Let others have it."""
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None


def lock(directory: Path) -> Lock:
    """The lock of a directory's supervisor."""
    return Lock(directory / "lock")


def held(directory: Path) -> bool:
    """Whether a supervisor lives."""
    # A shared lock: two who look at the same time must not take each other for a supervisor.
    try:
        opened = os.open(directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(opened)
    return False
