"""The embedded environment, in real processes: it starts, survives, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from holdfast.contract import RETENTION, Operation
from holdfast.errors import NotFound, Refused
from holdfast.run import Identity, Source
from starter.client import Holdfast
from starter.local import environment, leash, ports
from starter.local.state import State, lock
from tests.cloud import ACCOUNT, REGION, Control, until
from tests.starter.strays import all_gone, strays
from workers.plugin import HoldfastPlugin
from workers.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "shop.yaml"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "holdfast"
    yield directory
    if environment.status(directory).running:
        environment.stop(directory, say=print)
    all_gone(directory)


class TestWithoutProcesses:
    def test_nothing_runs_where_nothing_was_started(self, place: Path) -> None:
        """Status and stop of an empty directory are no errors; its variables are not known."""
        said: list[str] = []
        assert not environment.status(place).running
        assert not environment.stop(place, said.append).running
        assert said == [f"Nothing runs in {place}."]
        with pytest.raises(NotFound, match="nothing was ever started"):
            environment.env(place)

    def test_a_directory_that_runs_is_not_started_twice(self, place: Path) -> None:
        """The second start says so, and touches nothing."""
        supervisor = lock(place)
        assert supervisor.take()
        with pytest.raises(Refused, match="runs already"):
            environment.start(place, detach=True, say=print)
        supervisor.give()

    def test_a_port_is_kept_unless_a_stranger_has_it(self) -> None:
        """Shells remember addresses; a taken port is passed over."""
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            taken = stranger.getsockname()[1]
            assert ports.choose(["temporal"], {"temporal": taken})["temporal"] != taken
        assert ports.choose(["temporal"], {"temporal": taken})["temporal"] == taken

    def test_the_leash_ends_whoever_was_not_taken_back(self) -> None:
        """Where the kernel does not tie children to their parent, the leash does."""
        one, other = (subprocess.Popen(["sleep", "60"]) for _ in range(2))
        leash.MOMENT = 0.1
        leash.hold([f"+{one.pid}\n", f"+{other.pid}\n", f"-{other.pid}\n"])
        assert one.wait(5) == -signal.SIGTERM
        assert other.poll() is None
        other.kill()
        other.wait()


class TestReal:
    pytestmark: ClassVar = [pytest.mark.kill, pytest.mark.timeout(240)]

    async def test_a_run_in_progress_survives_a_stop_and_a_start(self, place: Path) -> None:
        """Stopped in the middle of a run and started again: same ports, and the run finishes, each resource once."""
        first = await asyncio.to_thread(environment.start, place, detach=True, say=print)
        assert first.healthy
        holdfast = await _connected(first)
        described = await holdfast.client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace="default")
        )
        assert described.config.workflow_execution_retention_ttl.ToTimedelta() == RETENTION
        cloud = Control(first.clouds["aws"])
        rule = cloud.hold_before(action="Create*", nth=2)
        source = Source(file="shop.yaml", text=EXAMPLE.read_text())
        ticket = await holdfast.submit(holdfast.request(Operation.up, "shop", source=source))
        # One is made and another is asked for: the run is in its middle, and comes no further.
        await asyncio.to_thread(cloud.wait_held, 1, 60)
        stopping = asyncio.create_task(asyncio.to_thread(environment.stop, place, say=print))
        # The control worker, which has nothing under way, has left: so the other one was told to stop as well.
        control = first.process("worker-control").pid
        await asyncio.to_thread(until, lambda: control not in strays(place), 60, "the end of the control worker")
        cloud.heal(rule)
        cloud.release()
        assert not (await stopping).running
        all_gone(place)
        second = await asyncio.to_thread(environment.start, place, detach=True, say=print)
        assert second.ports == first.ports
        report = await (await _connected(second)).wait(ticket.run)
        assert report.state == "done", report.cause
        stands = Control(second.clouds["aws"]).world()[ACCOUNT][REGION]
        assert len(stands["s3_bucket"]) == 2
        assert len(stands["volume"]) == 2
        assert len(stands["vpc"]) == 1

    def test_nothing_outlives_a_killed_supervisor(self, place: Path) -> None:
        """After kill -9 of a worker there is another. After kill -9 of the supervisor nothing is left."""
        state = environment.start(place, detach=True, say=print)
        assert len(strays(place)) == 1 + len(state.processes)
        pid = state.process("worker-aws").pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: environment.status(place).process("worker-aws").pid not in {None, pid}, 15, "another worker")
        until(lambda: environment.status(place).healthy, 30, "health")
        assert state.supervisor is not None
        os.kill(state.supervisor, signal.SIGKILL)
        environment._reap(state.supervisor)
        all_gone(place)
        assert not environment.status(place).running
        assert environment.start(place, detach=True, say=print).ports == state.ports

    @pytest.mark.slow  # beside others of its sort, on two cores, it runs out of time
    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
    def test_the_foreground_ends_with_its_process(self, place: Path, how: signal.Signals) -> None:
        """Ctrl-C, SIGTERM and even SIGKILL of a foreground start leave nothing running."""
        with _foreground(place) as process:
            until(lambda: environment.status(place).ready or process.poll() is not None, 60, "its start")
            assert environment.status(place).healthy
            process.send_signal(how)
            code = process.wait(40)
        assert code == (-how if how is signal.SIGKILL else 0)
        all_gone(place)

    def test_a_start_may_be_interrupted(self, place: Path) -> None:
        """Ctrl-C while things are being started ends what was started already."""
        with _foreground(place) as process:
            until(lambda: len(strays(place)) >= 2 or process.poll() is not None, 60, "the first processes")
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            assert process.wait(40) == 0
        all_gone(place)


def _foreground(place: Path) -> subprocess.Popen[bytes]:
    program = (
        "import sys; from pathlib import Path; from starter.local import environment;"
        "environment.start(Path(sys.argv[1]), detach=False, say=print)"
    )
    return subprocess.Popen([sys.executable, "-c", program, str(place)], start_new_session=True)


async def _connected(state: State) -> Holdfast:
    client = await Client.connect(state.address, plugins=[HoldfastPlugin()])
    return Holdfast(client, Settings(store=f"file:{state.directory / 'store'}"), Identity(requester="ada"))
