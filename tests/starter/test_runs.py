"""The command line against a real server, a real worker and the local cloud: runs, letters, exit codes, JSON."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.contract import Exit
from tests.cloud import ACCOUNT, ROOT, until
from tests.kills.crew import Server
from tests.starter.conftest import NET, Place

pytestmark = [pytest.mark.timeout(120)]

BOX = "  box: {{kind: aws.s3_bucket, spec: {{name: {name}}}}}\n"


def test_a_stack_goes_up_and_down(place: Place) -> None:
    """Plan, up, plan again, status, down: each says what it did, in words, in JSON and in its exit code."""
    file = place.document()
    planned = place.ask("plan", file, "-o", "json")
    assert planned.code == Exit.changes, planned.err
    change = planned.json["resource_changes"][0]
    assert (change["address"], change["change"]["actions"]) == (f"{place.stack}/aws.vpc/net", ["create"])
    asked = place.ask("up", file)
    assert asked.code == Exit.waiting
    assert "--yes" in asked.err
    up = place.ask("up", file, "--yes", "--reason", "first")
    assert up.code == Exit.done, up.err
    assert f"{place.stack}-1 up: done" in up.out
    assert f"{place.stack}-1 up: " in up.err
    assert "\x1b[" not in up.out + up.err
    again = place.ask("plan", file)
    assert (again.code, "nothing to change" in again.out) == (Exit.done, True)
    status = place.ask("status", place.stack, "-o", "json").json
    assert [r["address"] for r in status["resources"]] == [f"{place.stack}/aws.vpc/net"]
    assert place.ask("status", place.stack).code == Exit.done
    down = place.ask("down", place.stack, "--yes", "-o", "json")
    assert (down.code, down.json["state"], down.json["exit"]) == (Exit.done, "done", 0)
    assert place.ask("report", f"{place.stack}-1", "-o", "json").json["operation"] == "up"
    assert place.ask("watch", f"{place.stack}-1").code == Exit.done
    listed = until(lambda: place.ask("runs", place.stack, "-o", "json").json[1:], 10)
    assert listed[0]["run"] == f"{place.stack}-1"
    assert place.stack in place.ask("stacks").out


def test_nobody_knows_a_stack_that_is_not_there(place: Place) -> None:
    """What is not there is said not to be there, by every command that asks for it."""
    for arguments in (
        ["status", "none"],
        ["down", "none", "--yes"],
        ["report", "none-1"],
        ["audit", "log", "--stack", "none"],
    ):
        said = place.ask(*arguments)
        assert said.code == Exit.not_found, (arguments, said)
        assert "none" in said.err


def test_a_plan_file_is_carried_out_once_and_unchanged(place: Place) -> None:
    """A plan file does what it says; changed by hand, made for another document, or overtaken, it is refused."""
    file, kept = place.document(), place.directory / "kept.plan"
    assert place.ask("plan", file, "--out", str(kept)).code == Exit.changes
    forged = place.directory / "forged.plan"
    body = json.loads(kept.read_text())
    body["plan"]["actions"][0]["spec"]["cidr"] = "10.9.0.0/16"
    forged.write_text(json.dumps(body))
    refused = place.ask("up", file, "--plan", str(forged), "--yes")
    assert refused.code == Exit.input
    assert "was changed after it was made" in refused.err
    other = place.document(NET.replace("10.0", "10.7"), name="other.yaml")
    stale = place.ask("up", other, "--plan", str(kept), "--yes")
    assert (stale.code, "another document" in stale.err) == (Exit.input, True)
    assert place.ask("up", file, "--plan", str(kept), "--yes").code == Exit.done
    overtaken = place.ask("up", file, "--plan", str(kept), "--yes", "-o", "json")
    assert (overtaken.code, overtaken.json["state"]) == (Exit.input, "refused")
    assert overtaken.json["cause"]["error"] == "PlanStale"


def test_no_server_and_no_worker(place: Place, tmp_path: Path) -> None:
    """Without a worker nothing is asked for, and the letter says how to start one."""
    with Server(tmp_path) as empty:
        empty.start()
        said = place.ask("up", place.document(), "--yes", TEMPORAL_ADDRESS=empty.address)
    assert said.code == Exit.unavailable
    assert "no worker answers on holdfast-control" in said.err
    assert "holdfast worker" in said.err


@pytest.mark.parametrize(
    "arguments", [["status", "shop"], ["stacks"], ["audit", "log"], ["worker", "--queues", "control"]], ids=" ".join
)
def test_a_namespace_that_is_not_there(server: Server, alone: Place, arguments: list[str]) -> None:
    """A server that answers is not said to be silent: it is the namespace that is wrong."""
    said = alone.ask(*arguments, TEMPORAL_ADDRESS=server.address, TEMPORAL_NAMESPACE="nope")
    assert said.code == Exit.not_found, said
    assert f"there is no namespace 'nope' at {server.address}" in said.err
    assert "Next: set TEMPORAL_NAMESPACE" in said.err


def test_another_accounts_credentials(place: Place) -> None:
    """A document for another account is refused before anything is touched."""
    file = Path(place.document())
    file.write_text(file.read_text().replace(ACCOUNT, "111122223333"))
    said = place.ask("up", str(file), "--yes")
    assert said.code == Exit.not_allowed, said
    assert place.cloud.control.executed() == []


def test_permissions_are_tried_first(place: Place) -> None:
    """What the cloud would not allow is found out before the first act: nothing is made that must be taken back."""
    place.cloud.control.refuse("UnauthorizedOperation", action="CreateVolume", dry=None)
    file = place.document(NET + "  disk: {kind: aws.volume, depends_on: [net], spec: {zone: eu-central-1a, size: 1}}\n")
    said = place.ask("up", file, "--yes", "-o", "json")
    assert (said.code, said.json["state"]) == (Exit.not_allowed, "refused"), said
    assert said.json["cause"]["code"] == "UnauthorizedOperation"
    assert said.json["cause"]["standing"] == "nothing was touched"
    assert place.cloud.control.executed() == []


def test_a_name_that_is_taken(place: Place) -> None:
    """A bucket that is not ours is left alone, and said to be taken."""
    name = f"{place.stack}-taken"
    configuration = {"LocationConstraint": "eu-central-1"}
    place.cloud.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=configuration)
    said = place.ask("up", place.document(BOX.format(name=name)), "--yes", "-o", "json")
    assert said.code == Exit.undone, said
    assert said.json["cause"]["error"] in {"NameTaken", "NotOurs"}
    assert place.cloud.control.executed("DeleteBucket") == []


def test_a_full_quota_undoes_everything(place: Place) -> None:
    """When the account is full, what was made is taken back, and the cloud's own word is in the letter."""
    place.cloud.control.refuse("VolumeLimitExceeded", action="CreateVolume")
    file = place.document(NET + "  disk: {kind: aws.volume, depends_on: [net], spec: {zone: eu-central-1a, size: 1}}\n")
    said = place.ask("up", file, "--yes", "-o", "json")
    assert said.code == Exit.undone, said
    assert said.json["cause"]["code"] == "VolumeLimitExceeded"
    assert len(place.cloud.control.executed("DeleteVpc")) == 1
    trail = place.ask("audit", "log", "--stack", place.stack, "-o", "json").json["lines"]
    told = {(line["what"], line["result"], line["resource"]) for line in trail}
    disk = f"{place.stack}/aws.volume/disk"
    assert ("create", "QuotaExceeded", disk) in told
    assert ("end up", "undone", disk) in told
    assert any(line["what"] == "delete (taking back)" and line["requests"] for line in trail)


def test_what_another_hand_did_shows_as_drift(place: Place) -> None:
    """A resource that was changed or deleted behind our back is shown by the plan, and set right by the next up."""
    file = place.document()
    assert place.ask("up", file, "--yes", "--no-wait").code == Exit.done
    assert place.ask("watch", f"{place.stack}-1").code == Exit.done
    vpc = place.ask("status", place.stack, "-o", "json").json["resources"][0]["remote_id"]
    ec2 = place.cloud.client("ec2")
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    changed = place.ask("plan", file, "-o", "json")
    assert (changed.code, [d["change"]["actions"] for d in changed.json["resource_drift"]]) == (
        Exit.changes,
        [["update"]],
    )
    ec2.delete_vpc(VpcId=vpc)
    gone = place.ask("plan", file, "-o", "json")
    assert (gone.code, [d["change"]["actions"] for d in gone.json["resource_drift"]]) == (Exit.changes, [["delete"]])
    assert "is gone" in place.ask("plan", file, "--format", "markdown").out
    assert place.ask("up", file, "--yes").code == Exit.done


def test_a_paused_run_asks_and_is_answered(place: Place) -> None:
    """Without a terminal a paused run says what it asks and leaves with 10; the answer lets it go on."""
    rule = place.cloud.control.refuse("VpcLimitExceeded", action="CreateVpc")
    said = place.ask("up", place.document(), "--yes", "--on-failure", "pause", "-o", "json")
    assert said.code == Exit.waiting, said
    address = f"{place.stack}/aws.vpc/net"
    assert said.json["questions"] == [address]
    assert f"holdfast resolve {address}" in place.ask("status", place.stack).out
    nix = place.ask("resolve", f"{place.stack}/aws.vpc/nix", "retry")
    assert (nix.code, "Next: `holdfast status" in nix.err) == (Exit.not_found, True)
    place.cloud.control.heal(rule)
    assert place.ask("resolve", address, "retry", "--reason", "room again").code == Exit.done
    assert place.ask("watch", f"{place.stack}-1").code == Exit.done
    lines = place.ask("audit", "log", "--stack", place.stack, "--resource", address, "-o", "json").json["lines"]
    answer = next(line for line in lines if line["what"] == "resolve retry")
    assert (answer["who"], answer["reason"], answer["resource"]) == ("ada", "room again", address)


def test_cancel_timeout_and_the_trail(place: Place) -> None:
    """A wait that is over leaves the run alone; a cancel takes it back; the trail names both hands, with no store."""
    place.cloud.control.hold(action="CreateVpc", count=1)
    waited = place.ask("up", place.document(), "--yes", "--timeout", "2s")
    assert waited.code == Exit.timed_out
    assert f"holdfast watch {place.stack}-1" in waited.err
    place.cloud.control.wait_held()
    heard = place.ask("cancel", f"{place.stack}-1", "--reason", "wrong day", HOLDFAST_REQUESTER="bob")
    assert heard.code == Exit.done, heard
    place.cloud.control.release()
    assert place.ask("watch", f"{place.stack}-1").code == Exit.cancelled
    before = place.ask("audit", "log", "--stack", place.stack, "-o", "csv")
    lines = before.out.splitlines()
    assert lines[0].startswith("at,who,what,resource,result,requests")
    assert any("bob,cancel" in line and "wrong day" in line for line in lines)
    bobs = place.ask("audit", "log", "--stack", place.stack, "--who", "bob", "-o", "json").json["lines"]
    assert [line["what"] for line in bobs] == ["cancel"]
    assert place.ask("audit", "log", "--stack", place.stack, "--since", "1s", HOLDFAST_STORE="file:/nowhere").code == 0
    assert place.ask("audit", "log", "--stack", place.stack, "-o", "csv", HOLDFAST_STORE="file:/nowhere") == before


def test_ctrl_c_leaves_the_run_alone(place: Place) -> None:
    """On a terminal the tree is live; Ctrl-C detaches and says how to watch again; the run goes on."""
    place.cloud.control.hold(action="CreateVpc", count=1)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from starter.cli import main; main()", "up", place.document(), "--yes"]
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**place.environment, "TERM": "xterm"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    place.cloud.control.wait_held()
    seen = _read_until(ours, f"{place.stack}/aws.vpc/net")  # it is watched, and not only asked for
    child.send_signal(signal.SIGINT)
    seen += _drained(ours)
    assert child.wait(20) == Exit.timed_out
    assert child.stdout is not None
    child.stdout.close()
    assert f"{place.stack}/aws.vpc/net" in seen
    assert f"holdfast watch {place.stack}-1" in seen
    place.cloud.control.release()
    assert place.ask("watch", f"{place.stack}-1").code == Exit.done


def _read_until(terminal: int, words: str) -> str:
    """What a terminal shows, up to some words on it."""
    seen = ""
    while words not in seen:
        seen += os.read(terminal, 65_536).decode("utf-8", "replace")
    return seen


def _drained(terminal: int) -> str:
    parts = []
    try:
        while part := os.read(terminal, 4096):
            parts.append(part)
    except OSError:  # how a terminal says that nobody is left on its other end
        pass
    os.close(terminal)
    return b"".join(parts).decode()


def test_the_trail_survives_the_store(server: Server, place: Place, tmp_path: Path) -> None:
    """Deleting the store changes no line of the trail."""
    assert place.ask("up", place.document(), "--yes").code == Exit.done
    before = place.ask("audit", "log", "--stack", place.stack, "-o", "json").json
    store = place.store
    hidden = store.rename(store.with_name("gone"))
    try:
        assert place.ask("audit", "log", "--stack", place.stack, "-o", "json").json == before
    finally:
        hidden.rename(store)
    creates = [line for line in before["lines"] if line["what"] == "create"]
    made = place.cloud.control.executed("CreateVpc")[0]
    assert made.request_id in creates[0]["requests"]
