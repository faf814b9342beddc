"""Every verb and loss, one kind of each safety class, in real processes. Judged from the cloud's ledger and world."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from holdfast.contract import OnFailure, Operation, State, run_id
from holdfast.run import Report, Source
from tests.cloud import ACCOUNT, REGION, until
from tests.kills.conftest import Crew
from tests.kills.losses import LOSSES, Loss, Scene

pytestmark = [pytest.mark.kill, pytest.mark.timeout(180)]

KINDS = ("s3_bucket", "volume", "vpc")  # by name, by token, by tag

HEAD = """
version: 1
stack: {stack}
owner: tests
environment: dev
scopes: {{main: {{cloud: aws, account: "{account}", region: {region}}}}}
defaults: {{scope: main}}
resources:
"""
FIRST = """
  net: {{kind: aws.vpc, spec: {{cidr: 10.0.0.0/16}}}}
  box: {{kind: aws.s3_bucket, spec: {{name: {stack}-box}}}}
  disk: {{kind: aws.volume, spec: {{zone: {region}a, size: 1}}}}
"""
SECOND = """
  net: {{kind: aws.vpc, spec: {{cidr: 10.0.0.0/16, dns_hostnames: false}}}}
  box: {{kind: aws.s3_bucket, spec: {{name: {stack}-box, versioning: false}}}}
  disk: {{kind: aws.volume, spec: {{zone: {region}a, size: 1, type: gp2}}}}
"""
# It stands on the three, and the cloud refuses it: everything before it is taken back.
BAD = """
  bad: {{kind: aws.vpc, depends_on: [net, box, disk], spec: {{cidr: 10.9.0.0/16}}}}
"""

CREATES = ("CreateVpc", "CreateBucket", "CreateVolume")
UPDATES = ("ModifyVpcAttribute", "PutBucketVersioning", "ModifyVolume")
DELETES = ("DeleteVpc", "DeleteBucket", "DeleteVolume")  # the last two do not return, and so come after the first


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: what stands before, what is asked, whose requests are lost, and how it shall end."""

    name: str
    before: str | None
    asked: str | None
    actions: tuple[str, ...]
    state: State
    stands: str | None  # the document whose resources stand afterwards
    refused: bool = False  # the last create is refused by the cloud
    nth: int = 1  # which request of an action is struck


VERBS = (
    Verb("create", None, FIRST, CREATES, State.done, FIRST),
    Verb("update", FIRST, SECOND, UPDATES, State.done, SECOND),
    Verb("delete", FIRST, None, DELETES[:1], State.done, None),
    Verb("delete for good", FIRST, None, DELETES[1:], State.done, None),
    Verb("taking a create back", None, FIRST + BAD, DELETES, State.undone, None, refused=True),
    Verb("taking an update back", FIRST, SECOND + BAD, UPDATES, State.undone, FIRST, refused=True, nth=2),
)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
async def test_a_loss_leaves_no_orphan_and_no_duplicate(crew: Crew, verb: Verb, loss: Loss) -> None:
    """Whatever of a request or its answer is lost, the world ends as it would have, and a second up does nothing."""
    if verb.before is not None:
        assert (await _run(crew, verb.before)).state is State.done
    before = _world(crew)
    if verb.refused:
        crew.cloud.control.refuse("VpcLimitExceeded", action="CreateVpc", contains="10.9.0.0")
    scene = Scene(crew.cloud.control, crew.worker, crew.wire, verb.actions, lambda: _completed(crew), verb.nth)
    loss.arm(scene)
    running = asyncio.create_task(_run(crew, verb.asked))
    await loss.strike(scene)
    report = await running
    assert report.state is verb.state, "\n".join(str(o.letter) for o in report.owed) or report.cause
    crew.cloud.control.heal()
    await asyncio.to_thread(until, lambda: True if not crew.cloud.control.late() else None, 20, "the late ones")
    crew.cloud.control.settings(new_list_lag_seconds=0, stale_seconds=0, deleted_lag_seconds=0)
    if verb.state is State.undone:
        assert _world(crew) == before
    assert _counts(crew) == _expected(verb.stands)
    if verb.stands is not None:
        count = len(crew.cloud.control.executed())
        assert (await _run(crew, verb.stands)).state is State.unchanged
        assert len(crew.cloud.control.executed()) == count


async def _run(crew: Crew, resources: str | None) -> Report:
    operation = Operation.down if resources is None else Operation.up
    source = Source(file="stack.yaml", text=_document(crew, resources)) if resources else None
    on_failure = OnFailure.keep if resources is None else OnFailure.rollback
    request = crew.holdfast.request(
        operation, crew.stack, source=source, on_failure=on_failure, confirmed=("data", "delete-first")
    )
    ticket = await crew.holdfast.submit(request)
    return await crew.holdfast.wait(ticket.run)


def _document(crew: Crew, resources: str) -> str:
    return (HEAD + resources).format(stack=crew.stack, account=ACCOUNT, region=REGION)


def _world(crew: Crew) -> dict[str, Any]:
    """What carries this stack's mark: kind -> address -> fields. Ids and tokens differ by nature, and are left out."""
    found: dict[str, Any] = {}
    regions = crew.cloud.control.world().get(ACCOUNT, {})
    for kind, things in regions.get(REGION, {}).items():
        for thing in things.values():
            tags = dict(thing.get("tags") or {})
            if tags.pop("holdfast-owner", "") == f"holdfast/{crew.stack}":
                address = tags.pop("holdfast-address")
                tags.pop("holdfast-token")
                twin = found.setdefault(kind, {}).setdefault(address, [])
                twin.append({**thing, "tags": tags})
    return found


def _counts(crew: Crew) -> dict[str, int]:
    return {kind: sum(len(twins) for twins in found.values()) for kind, found in _world(crew).items()}


def _expected(resources: str | None) -> dict[str, int]:
    return dict.fromkeys(KINDS, 1) if resources else {}


async def _completed(crew: Crew) -> int:
    history = await crew.client.get_workflow_handle(run_id(crew.stack)).fetch_history()
    return sum(event.HasField("activity_task_completed_event_attributes") for event in history.events)
