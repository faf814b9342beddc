"""A house of its own for a test that kills more than a worker: a server, two workers, and the command line."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests import command
from tests.cloud import ACCOUNT, LocalAws, until
from tests.command import Said, ended
from tests.kills.crew import Server, Worker


@dataclass(slots=True)
class House:
    """Everything runs in processes of its own, and each can be killed."""

    cloud: LocalAws
    server: Server
    control: Worker
    aws: Worker
    directory: Path
    stack: str = "house"
    environment: dict[str, str] = field(default_factory=dict)

    def document(self, resources: str) -> str:
        """Write a document; returns its path."""
        file = self.directory / "stack.yaml"
        file.write_text(command.document(self.stack, resources))
        return str(file)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """A command in a process of its own, without a terminal."""
        return command.begin(arguments, self.environment)

    def ask(self, *arguments: str, within: float = 150) -> Said:
        """A command, to its end."""
        return ended(self.begin(*arguments), within)

    def anew(self, stack: str) -> None:
        """An empty cloud, a stack of another name, and everybody alive."""
        self.stack = stack
        self.cloud.control.reset()
        if not self.server.alive:
            self.server.start()
        for name, worker in (("control", self.control), ("aws", self.aws)):
            if not worker.alive:
                worker.start(name)

    def kill_workers(self) -> None:
        """Both at once."""
        self.control.kill()
        self.aws.kill()

    def start_workers(self) -> None:
        """Both, side by side, and wait until the server has heard of both."""
        self.control.start("control")
        self.aws.start("aws")

    def named(self) -> dict[str, int]:
        """What carries this stack's mark: address -> how many times it stands."""
        found: Counter[str] = Counter()
        for kinds in self.cloud.control.world().get(ACCOUNT, {}).values():
            for things in kinds.values():
                for thing in things.values():
                    tags = thing.get("tags") or {}
                    if tags.get("holdfast-owner") == f"holdfast/{self.stack}":
                        found[tags["holdfast-address"].rpartition("/")[2]] += 1
        return dict(found)

    def unchanged(self, file: str) -> None:
        """A second `up` plans nothing, and asks nothing of the cloud."""
        last = self.cloud.control.health()["last"]
        again = self.ask("up", file, "--yes", "-o", "json")
        assert (again.code, again.json["state"]) == (0, "unchanged"), again
        assert self.cloud.control.ledger(last) == []


def watching(house: House, run: str) -> subprocess.Popen[str]:
    """A `watch` that has begun to show its run."""
    process = house.begin("watch", run)
    assert process.stderr is not None
    line = process.stderr.readline()
    assert run in line, line + process.stderr.read()
    return process


def press(process: subprocess.Popen[str]) -> Said:
    """Ctrl-C, once."""
    process.send_signal(signal.SIGINT)
    return ended(process)


@contextlib.contextmanager
def house(directory: Path, cloud: LocalAws, stack: str) -> Iterator[House]:
    """A house where everything runs; all of it is gone afterwards."""
    cloud.control.reset()
    with Server(directory) as server:
        server.start()
        variables = {"TEMPORAL_ADDRESS": server.address, **cloud.environment()}
        with Worker("control", directory, variables) as control, Worker("aws", directory, variables) as aws:
            home = House(cloud, server, control, aws, directory, stack, command.surroundings(server.address))
            home.start_workers()
            yield home
            control.stop()
            aws.stop()


def eventually(house: House, action: str, count: int = 1) -> None:
    """Wait until the cloud holds so many requests of an action."""

    def held() -> bool:
        found = [held["action"] for held in house.cloud.control.held()]
        return found.count(action) >= count

    until(held, 60, f"{count} {action} held")


__all__ = ["House", "Said", "ended", "eventually", "house", "press", "watching"]
