"""A house on three clouds: a server, a worker for each queue, three local clouds, and one stack that spans them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starter.standing import lasting, marked
from tests import command
from tests.cloud import ACCOUNT, Control, until
from tests.command import Said, ended
from tests.kills.clouds import Cloud
from tests.kills.crew import Server, Worker

CLOUDS = ("aws", "gcp", "azure")
HEAD = f"""
owner: tests
environment: dev
scopes:
  amazon: {{cloud: aws, account: "{ACCOUNT}", region: eu-central-1}}
  google: {{cloud: gcp, account: shop-prod, region: europe-west3}}
  azure: {{cloud: azure, account: 00000000-0000-0000-0000-000000000001, region: westeurope}}
resources:
"""


@dataclass(slots=True)
class Trio:
    """Everything runs in processes of its own, and each can be killed."""

    directory: Path
    server: Server
    clouds: Mapping[str, Cloud]
    workers: Mapping[str, Worker]
    environment: dict[str, str] = field(default_factory=dict)
    stack: str = "trio"

    def anew(self, stack: str) -> None:
        """Empty clouds, a stack of another name, and everybody alive."""
        self.stack = stack
        for cloud in self.clouds.values():
            cloud.control.reset()
        for name, worker in self.workers.items():
            if not worker.alive:
                worker.start(name)

    def control(self, cloud: str) -> Control:
        """The strings of one cloud."""
        return self.clouds[cloud].control

    def document(self, resources: str) -> str:
        """Write a document; returns its path."""
        file = self.directory / "trio.yaml"
        file.write_text(f"version: 1\nstack: {self.stack}{HEAD}{resources}")
        return str(file)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """A command in a process of its own."""
        return command.begin(arguments, self.environment)

    def ask(self, *arguments: str, within: float = 150) -> Said:
        """A command, to its end."""
        return ended(self.begin(*arguments), within)

    def start_workers(self) -> None:
        """One a queue."""
        for name, worker in self.workers.items():
            worker.start(name)

    def kill_workers(self) -> None:
        """All at once."""
        for worker in self.workers.values():
            worker.kill()

    def standing(self) -> list[tuple[str, str, str]]:
        """What bears the stack's mark: (address, the cloud's kind, id), whichever cloud it stands in."""
        return sorted(
            (address.rpartition("/")[2], kind, remote_id)
            for name, cloud in self.clouds.items()
            for owner, address, kind, remote_id in marked(name, cloud.control.world())
            if owner == f"holdfast/{self.stack}"
        )

    def worlds(self) -> dict[str, Any]:
        """All that stands in each, without what belongs to the moment."""
        return {name: lasting(cloud.control.world()) for name, cloud in self.clouds.items()}

    def last(self) -> dict[str, int]:
        """The number of each ledger's last entry."""
        return {name: int(cloud.control.health()["last"]) for name, cloud in self.clouds.items()}

    def unchanged(self, file: str) -> None:
        """A second `up` plans nothing, and asks nothing of any cloud."""
        before = self.last()
        again = self.ask("up", file, "--yes", "-o", "json")
        assert (again.code, again.json["state"]) == (0, "unchanged"), again
        assert self.last() == before

    def held(self, cloud: str, count: int = 1) -> None:
        """Wait until a cloud holds so many requests."""
        until(lambda: len(self.control(cloud).held()) >= count, 60, f"{count} held by {cloud}")


@contextlib.contextmanager
def trio(directory: Path, names: Sequence[str] = CLOUDS) -> Iterator[Trio]:
    """A house where everything runs, on these clouds; all of it is gone afterwards."""
    with contextlib.ExitStack() as stack:
        clouds = {name: stack.enter_context(Cloud(name, directory / name, state=True)) for name in names}
        server = stack.enter_context(Server(directory))
        server.start()
        variables = {"TEMPORAL_ADDRESS": server.address}
        for cloud in clouds.values():
            variables |= cloud.environment()
        workers = {name: stack.enter_context(Worker(name, directory, variables)) for name in ("control", *names)}
        home = Trio(directory, server, clouds, workers, command.surroundings(server.address))
        home.start_workers()
        yield home
        for worker in workers.values():
            worker.stop()
