"""One run over three clouds: built together, or taken back together, whoever dies and whichever cloud is silent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.contract import Exit
from tests.cloud import until
from tests.command import ended
from tests.kills.trio import Trio
from tests.kills.trio import trio as opened

pytestmark = [pytest.mark.kill, pytest.mark.timeout(240)]

# Each cloud's own chain, and references across: a queue's address in an account's description, the account's in a tag.
TREE = """
  orders: {kind: aws.sqs_queue, scope: amazon, spec: {name: trio-orders}}
  disk: {kind: aws.volume, scope: amazon, spec: {zone: eu-central-1a, size: 1, tags: {team: shop}}}
  robot: {kind: gcp.service_account, scope: google, spec: {account_id: trio-robot, description: "reads ${orders.url}"}}
  net: {kind: gcp.network, scope: google, spec: {name: trio}}
  group: {kind: azure.resource_group, scope: azure, spec: {name: trio, tags: {robot: "${robot.email}"}}}
  lan:
    kind: azure.virtual_network
    scope: azure
    spec: {resource_group: "${group.name}", name: trio, address_space: [10.1.0.0/16]}
"""
# The last stands on something of each cloud, and is refused.
LAST = """
  last: {kind: aws.vpc, scope: amazon, depends_on: [disk, net, lan], spec: {cidr: 10.9.0.0/16}}
"""
STANDING = ["disk", "group", "lan", "net", "orders", "robot"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Trio]:
    with opened(tmp_path) as home:
        yield home


def names(home: Trio) -> list[str]:
    return [name for name, _, _ in home.standing()]


@pytest.mark.slow  # nothing dies: the others begin with the same
def test_a_calm_day_on_three_clouds(home: Trio) -> None:
    """Built, left alone by a second `up`, and taken down; a value of one cloud stands in the next."""
    file = home.document(TREE)
    built = home.ask("up", file, "--yes", "-o", "json")
    assert (built.code, built.json["state"]) == (0, "done"), built
    assert names(home) == STANDING
    world = home.control("azure").world()
    group = next(thing for things in world.values() for thing in things.values() if thing["type"].endswith("Groups"))
    assert group["tags"]["robot"] == "trio-robot@shop-prod.iam.gserviceaccount.com"
    home.unchanged(file)
    down = home.ask("down", "trio", "--yes", "-o", "json")
    assert (down.code, down.json["state"]) == (0, "done"), down
    assert names(home) == []


@pytest.mark.slow
def test_every_worker_dies_while_each_cloud_holds_an_answer(home: Trio) -> None:
    """A change in each cloud was carried out and not heard of. Each is found, none is made twice."""
    file = home.document(TREE)
    home.control("aws").hold(action="CreateVolume", count=1)
    home.control("gcp").hold(action="networks.insert", count=1)
    home.control("azure").hold(action="Microsoft.Resources/resourceGroups/write", count=1)
    running = home.begin("up", file, "--yes", "-o", "json")
    for cloud in home.clouds:
        home.held(cloud)
    home.kill_workers()
    for cloud in home.clouds:
        home.control(cloud).release(drop=True)
    home.start_workers()
    said = ended(running, 180)
    assert (said.code, said.json["state"]) == (0, "done"), said
    assert names(home) == STANDING
    home.unchanged(file)


def test_the_last_fails_and_all_three_are_taken_back(home: Trio) -> None:
    """The worlds are as before, field by field, though the workers die once more on the way back."""
    file = home.document(TREE)
    assert home.ask("up", file, "--yes").code == Exit.done
    before = home.worlds()
    more = TREE.replace("team: shop", "team: box").replace("trio-robot, ", "trio-robot, display_name: Robot, ")
    more += """
  inbox: {kind: gcp.service_account, scope: google, spec: {account_id: trio-inbox}}
  spare:
    kind: azure.virtual_network
    scope: azure
    spec: {resource_group: "${group.name}", name: spare, address_space: [10.2.0.0/16]}
"""
    home.control("aws").refuse("VpcLimitExceeded", action="CreateVpc")
    home.control("azure").hold(action="Microsoft.Network/virtualNetworks/delete", count=1)
    last = LAST.replace("[disk, net, lan]", "[disk, inbox, spare]")
    running = home.begin("up", home.document(more + last), "--yes", "-o", "json")
    home.held("azure")
    home.kill_workers()
    home.control("azure").release(drop=True)
    home.start_workers()
    said = ended(running, 180)
    assert said.code == Exit.undone, said
    assert said.json["cause"]["code"] == "VpcLimitExceeded"
    assert home.worlds() == before


@pytest.mark.slow
def test_a_silent_cloud_holds_up_its_own_alone(home: Trio) -> None:
    """While Azure answers nothing, the others' resources go on, forward and back; when it is there again, it ends."""
    home.control("aws").refuse("VpcLimitExceeded", action="CreateVpc")
    file = home.document(TREE + LAST.replace("[disk, net, lan]", "[disk, net, group]"))
    home.control("azure").hold(action="Microsoft.Network/virtualNetworks/write", count=1)
    running = home.begin("up", file, "--yes", "-o", "json")
    home.held("azure")  # a network is made, and its answer is on the way when all falls silent
    with home.clouds["azure"].silent():
        until(lambda: any(e.action == "CreateVpc" for e in home.control("aws").ledger()), 60, "the refused one")

        def taken_back() -> bool:
            left = {name for cloud in ("aws", "gcp") for name in _of(home, cloud)}
            return left <= {"orders", "robot"}  # on which Azure's group stands

        until(taken_back, 90, "the others' walk back")
        time.sleep(1)
        assert running.poll() is None
        assert set(_of(home, "aws")) == {"orders"}
        assert set(_of(home, "gcp")) == {"robot"}
    home.control("azure").release(drop=True)
    said = ended(running, 180)
    assert said.code == Exit.undone, said
    assert names(home) == []


@pytest.mark.slow
def test_a_throttling_cloud_slows_its_own_alone(home: Trio) -> None:
    """While Google takes a change in a hundred seconds, what does not stand on it is made; then the run ends well."""
    file = home.document(TREE.replace(' tags: {robot: "${robot.email}"}', ""))
    home.control("gcp").throttle(0.01, mutates=True)
    running = home.begin("up", file, "--yes", "-o", "json")
    until(lambda: set(names(home)) >= {"disk", "group", "lan", "orders"}, 60, "what the others make")
    assert running.poll() is None
    assert len(_of(home, "gcp")) < 2
    asked = [entry for entry in home.control("gcp").ledger() if entry.outcome != "executed"]
    assert len(asked) < 40  # a 429 is waited for, and not hammered at
    home.control("gcp").heal()
    said = ended(running, 180)
    assert (said.code, said.json["state"]) == (0, "done"), said
    assert names(home) == STANDING


def _of(home: Trio, cloud: str) -> list[str]:
    from starter.standing import marked

    world = home.control(cloud).world()
    return [a.rpartition("/")[2] for owner, a, _, _ in marked(cloud, world) if owner.endswith("/trio")]
