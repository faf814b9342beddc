"""A thousand resources in three layers, and everything that may go wrong with them, in real processes."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHistory

from holdfast.contract import Exit
from tests.cloud import LocalAws, until
from tests.command import ended
from tests.kills.crew import Worker
from tests.kills.house import House, house

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.timeout(900)]

NETS, DISKS, BOXES = 10, 90, 900
MOST_MEMORY = 300 * 1024  # KiB of one worker
MOST_EVENTS = 4_096
MOST_BYTES = 512 * 1024  # of one payload

# Buckets are the cheapest to make and to look at, so most are buckets. The leaf stands on every one of them.
TREE = f"""
  net:
    kind: aws.vpc
    for_each: [{", ".join(f"n{n}" for n in range(NETS))}]
    spec: {{cidr: 10.0.0.0/16, dns_hostnames: false}}
  disk:
    kind: aws.volume
    for_each: {{{", ".join(f"d{n}: n{n % NETS}" for n in range(DISKS))}}}
    spec: {{zone: eu-central-1a, size: 1, tags: {{net: "${{net[each.value].id}}"}}}}
  box:
    kind: aws.s3_bucket
    for_each: {{{", ".join(f"b{n}: d{n % DISKS}" for n in range(BOXES))}}}
    spec:
      name: "thousand-${{each.key}}"
      versioning: false
      block_public_access: false
      tls_only: false
      tags: {{disk: "${{disk[each.value].id}}"}}
  leaf: {{kind: aws.volume, depends_on: [box], spec: {{zone: eu-central-1a, size: 7}}}}
"""


@dataclass(slots=True)
class Memory:
    """The most that each worker process ever held, in KiB."""

    peaks: dict[int, int] = field(default_factory=dict)

    def sample(self, *workers: Worker) -> None:
        for worker in workers:
            pid = worker.pid
            try:
                found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
            except OSError:
                continue
            if pid is not None and found:
                self.peaks[pid] = max(self.peaks.get(pid, 0), int(found[1]))


@contextmanager
def sampled(home: House) -> Iterator[Memory]:
    """Look at both workers five times a second."""
    memory, over = Memory(), threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            memory.sample(home.control, home.aws)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()


async def _histories(address: str) -> list[WorkflowHistory]:
    """Of every execution that the server knows."""
    client = await Client.connect(address)
    found = [e async for e in client.list_workflows("")]
    return [await client.get_workflow_handle(e.id, run_id=e.run_id).fetch_history() for e in found]


def _biggest(history: WorkflowHistory) -> int:
    """The biggest payload's bytes, as they stand in the history's own JSON."""

    def sizes(value: object) -> Iterator[int]:
        if isinstance(value, dict):
            if isinstance(value.get("data"), str) and "metadata" in value:
                yield len(value["data"]) * 3 // 4  # base64
            for item in value.values():
                yield from sizes(item)
        elif isinstance(value, list):
            for item in value:
                yield from sizes(item)

    return max(sizes(json.loads(history.to_json())), default=0)


def test_a_thousand_resources_killed_twice_and_taken_back(tmp_path: Path, cloud: LocalAws) -> None:
    """One `up` of a thousand, killed twice; then its leaf fails, and all are undone, within bounds on everything."""
    with house(tmp_path, cloud, "thousand") as home, sampled(home) as memory:
        control = cloud.control
        control.settings(volume_creating_seconds=0, volume_deleting_seconds=0)
        control.refuse("VolumeLimitExceeded", action="CreateVolume", contains="thousand/aws.volume/leaf")
        running = home.begin("up", home.document(TREE), "--yes", "-o", "json")
        for share in (300, 700):
            until(partial(_has_come, home, running, share), 300, f"the first {share}")
            home.kill_workers()
            home.start_workers()
        said = ended(running, 700)
        assert said.code == Exit.undone, said
        assert said.json["cause"]["code"] == "VolumeLimitExceeded"
        made = _made(home)
        assert len(made) == NETS + DISKS + BOXES
        assert [address for address, ids in made.items() if len(ids) > 1] == []
        assert home.named() == {}
        histories = asyncio.run(_histories(home.server.address))
    assert max(len(h.events) for h in histories) < MOST_EVENTS
    assert max(map(_biggest, histories)) < MOST_BYTES
    assert max(memory.peaks.values()) < MOST_MEMORY, memory.peaks


def _has_come(home: House, running: subprocess.Popen[str], share: int) -> bool:
    """Whether the cloud was changed that often. Fails at once if the run has turned round already."""
    control = home.cloud.control
    last = control.health()["last"]
    turned = next((e for e in control.executed(since=max(0, last - 100)) if e.action.startswith("Delete")), None)
    assert turned is None, f"it takes back before {share} are made: {turned}"
    assert running.poll() is None, ended(running, 1)
    return bool(last >= share)


def _made(home: House) -> dict[str, set[str]]:
    """The ids of whatever was ever made, by address."""
    found: dict[str, set[str]] = {}
    for entry in home.cloud.control.executed():
        if entry.action in {"CreateVpc", "CreateVolume", "CreateBucket"}:
            # A network's answer names what was made with it; a bucket's names nothing, since the request did.
            ids = [i for i in entry.made if re.fullmatch(r"(vpc|vol)-[0-9a-f]+", i)] or [entry.request_id]
            found.setdefault(entry.tags["holdfast-address"], set()).update(ids)
    return found
