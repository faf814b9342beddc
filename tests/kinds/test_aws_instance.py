"""`aws.instance` on the local AWS: what is special to it beside the laws."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activities.providers.aws.kinds.instance import Instance, InstanceSpec
from activities.providers.aws.kinds.volume import Volume, VolumeSpec
from activities.providers.aws.tags import written
from holdfast.contract import ADDRESS_TAG, OWNER_TAG
from holdfast.errors import CreateFailed, Pending
from holdfast.plan import FieldChange
from holdfast.resource import Observation, ResourceType, Search, Status
from tests.cloud import IMAGE, LocalAws
from tests.kinds.aws_calls import OWNER, SCOPE, Called
from tests.localcloud.aws_parts import AT_ONCE, Network, instance, launch, network, standing, tags, volume

KIND = Instance()


@pytest.fixture
def where(aws: LocalAws) -> Network:
    aws.control.settings(**AT_ONCE)
    made = network(aws)
    aws.control.forget()
    return made


def web(aws: LocalAws, where: Network, **more: Any) -> Called[InstanceSpec]:
    spec = {"image": IMAGE, "type": "t3.micro", "subnet": where.subnet, **more}
    return Called(KIND, aws, "web", InstanceSpec.model_validate(spec))


def actions(aws: LocalAws) -> list[str]:
    return [entry.action for entry in aws.control.executed()]


# --- making ---------------------------------------------------------------------------------------------------------


def test_safe_as_written(aws: LocalAws, where: Network) -> None:
    """A short document makes an instance with encrypted disks, IMDSv2 only, and no public address at all."""
    aws.client("ec2").modify_subnet_attribute(SubnetId=where.subnet, MapPublicIpOnLaunch={"Value": True})
    made = web(aws, where)
    made.create()
    raw = instance(aws, made.remote_id or "")
    disk = volume(aws, raw["BlockDeviceMappings"][0]["Ebs"]["VolumeId"])
    assert (raw["MetadataOptions"]["HttpTokens"], raw["MetadataOptions"]["HttpPutResponseHopLimit"]) == ("required", 1)
    assert "PublicIpAddress" not in raw
    assert (disk["Encrypted"], disk["VolumeType"], disk["Attachments"][0]["DeleteOnTermination"]) == (True, "gp3", True)
    assert made.differs() == []


def test_all_that_can_be_said(aws: LocalAws, where: Network) -> None:
    """Every field of a spec is in the one request that launches, and is read back as it was written."""
    aws.client("ec2").create_key_pair(KeyName="ops")
    aws.client("iam").create_instance_profile(InstanceProfileName="reader", Path="/shop/")
    made = web(
        aws,
        where,
        security_groups=[where.group],
        private_ip="10.0.1.77",
        public_ip=True,
        key_name="ops",
        profile="reader",
        user_data="#!/bin/sh\ntrue",
        root_size=30,
        root_type="gp2",
        kms_key="arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        metadata_tokens="optional",
        metadata_hops=2,
        monitoring=True,
        termination_protection=True,
        tags={"team": "shop"},
    )
    aws.control.forget()
    made.create()
    assert actions(aws) == ["RunInstances"]
    seen = made.observe()
    read = KIND.canonical(seen.properties)
    unread = {"user_data", "termination_protection"}
    assert read == {k: v for k, v in KIND.canonical(made.spec.plain()).items() if k not in unread}
    assert not seen.partial
    assert (seen.outputs["private_ip"], seen.outputs["zone"]) == ("10.0.1.77", "eu-central-1a")
    assert seen.outputs["public_ip"]


def test_nothing_is_nobodys(aws: LocalAws, where: Network) -> None:
    """The disk and the interface of an instance bear its marks and tags, from the launch and through every change."""
    made = web(aws, where, tags={"team": "shop"})
    made.create()
    outputs = made.observe().outputs
    ids = [str(outputs[name]) for name in ("id", "root_disk", "interface")]

    def borne() -> list[dict[str, str]]:
        listed = aws.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": ids}])["Tags"]
        return [{t["Key"]: t["Value"] for t in listed if t["ResourceId"] == one} for one in ids]

    assert [b[OWNER_TAG] for b in borne()] == [str(OWNER)] * 3
    assert [b["team"] for b in borne()] == ["shop"] * 3
    made.update(tags={"cost-center": "42"})
    assert [(b.get("team"), b["cost-center"]) for b in borne()] == [(None, "42")] * 3
    KIND.disown(made.call())
    assert [set(b) for b in borne()] == [{"cost-center"}] * 3
    KIND.adopt(made.call())
    assert [b[ADDRESS_TAG] for b in borne()] == [written("shop/aws.instance/web")] * 3


def test_a_disk_that_is_a_resource_of_its_own(aws: LocalAws, where: Network) -> None:
    """An instance's root disk is no `aws.volume`; and one that is keeps its own marks when its instance is adopted."""
    made = web(aws, where)
    made.create()
    assert list(Volume().discover(Search(SCOPE, made.call().client, OWNER))) == []
    stranger = launch(aws, where)["InstanceId"]
    disk = instance(aws, stranger)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    other = Called(Volume(), aws, "disk", VolumeSpec(zone="eu-central-1a", size=8), remote_id=disk)
    Volume().adopt(other.call())
    KIND.adopt(made.call(remote_id=stranger))
    assert other.observe().address == "shop/aws.volume/disk"
    assert {o.remote_id for o in made.listed()} == {made.remote_id, stranger}


def test_one_token_one_instance(aws: LocalAws, where: Network) -> None:
    """The same token is the same instance, however often it is sent, and so whatever became of the answers."""
    made = web(aws, where)
    first, second = made.create(), made.create()
    assert first.remote_id == second.remote_id
    assert len(standing(aws, "instance")) == 1


def test_a_spent_token(aws: LocalAws, where: Network) -> None:
    """A terminated instance that EC2 answers a spent token with is not taken for one that stands."""
    made = web(aws, where)
    made.create()
    made.delete()
    assert made.observe().status is Status.absent
    assert made.create().status is Status.absent
    assert made.listed() == made.find() == []
    aws.control.settings(spent_token="refused")
    with pytest.raises(CreateFailed, match="IdempotentInstanceTerminated") as refused:
        made.create()
    assert "new tokens" in refused.value.letter.next


def test_born_stopped(aws: LocalAws, where: Network) -> None:
    """What shall stand stopped is launched once, is on its way while it starts, and is stopped by a later delivery."""
    aws.control.settings(instance_pending_seconds=60, instance_stopping_seconds=60)
    made = web(aws, where, power="stopped")
    with pytest.raises(Pending):
        made.create()
    [found] = made.find()
    with pytest.raises(Pending):
        made.create(remote_id=found.remote_id)
    aws.control.step(61)
    assert made.create(remote_id=found.remote_id).status is Status.pending
    assert made.create(remote_id=found.remote_id).status is Status.pending
    aws.control.step(61)
    assert made.create(remote_id=found.remote_id).status is Status.ready
    assert made.differs() == []
    assert actions(aws) == ["RunInstances", "StopInstances"]


def test_an_image_that_is_not_there(aws: LocalAws, where: Network) -> None:
    """A launch from no image is refused in EC2's words, and launches nothing."""
    with pytest.raises(Exception, match=r"InvalidAMIID\.NotFound"):
        web(aws, where, image="ami-00000000").create()
    assert standing(aws, "instance") == {}


# --- changing -------------------------------------------------------------------------------------------------------


def test_a_life(aws: LocalAws, where: Network) -> None:
    """Whatever an instance is asked is on its way first and has come about then; ended, it is absent."""
    lengths = dict.fromkeys(("pending", "stopping", "shutting_down"), 60)
    aws.control.settings(**{f"instance_{name}_seconds": seconds for name, seconds in lengths.items()})
    made, seen = web(aws, where), []
    changes: list[Callable[[], Observation]] = [
        made.create,
        lambda: made.operate("stop"),
        lambda: made.operate("start"),
        made.delete,
    ]
    for change in changes:
        first = change()
        aws.control.step(61)
        then = made.observe()
        seen.append((str(first.status), str(then.status), then.properties.get("power")))
    assert seen == [
        ("pending", "ready", "running"),
        ("pending", "ready", "stopped"),
        ("pending", "ready", "running"),
        ("deleting", "absent", None),
    ]


def test_operations_again(aws: LocalAws, where: Network) -> None:
    """To stop what is stopped, and to start what runs, changes nothing; a reboot leaves it running."""
    made = web(aws, where)
    made.create()
    for operation, power in (("stop", "stopped"), ("stop", "stopped"), ("start", "running"), ("start", "running")):
        seen = made.operate(operation)
        assert (seen.status, seen.properties["power"]) == (Status.ready, power)
    assert made.operate("reboot").properties["power"] == "running"


def test_a_read_behind(aws: LocalAws, where: Network) -> None:
    """An operation whose effect the next read does not show yet is on its way, and not done."""
    made = web(aws, where)
    made.create()
    aws.control.settings(stale_seconds=30, instance_stopping_seconds=5)
    assert made.operate("stop").status is Status.pending


def test_its_type(aws: LocalAws, where: Network) -> None:
    """The type is changed while it is stopped, and while it runs only asked for again."""
    made = web(aws, where)
    made.create()
    with pytest.raises(Pending):
        made.update(type="t3.small")
    made.operate("stop")
    assert made.update(type="t3.small").properties["type"] == "t3.small"
    assert made.operate("start").properties["power"] == "running"
    assert KIND.stopped_for["type"] == ("stop", "start")


def test_only_what_changed(aws: LocalAws, where: Network) -> None:
    """Each field has its own call, and an update makes that and no other."""
    made = web(aws, where)
    made.create()
    calls: dict[str, tuple[Any, str]] = {
        "security_groups": ([where.group], "ModifyInstanceAttribute"),
        "metadata_hops": (2, "ModifyInstanceMetadataOptions"),
        "metadata_tokens": ("optional", "ModifyInstanceMetadataOptions"),
        "monitoring": (True, "MonitorInstances"),
        "root_size": (20, "ModifyVolume"),
        "root_type": ("gp2", "ModifyVolume"),
        "termination_protection": (True, "ModifyInstanceAttribute"),
    }
    for name, (value, action) in calls.items():
        aws.control.forget()
        made.update(**{name: value})
        assert (name, actions(aws)) == (name, [action])
        assert (name, made.differs()) == (name, [])
    aws.control.forget()
    made.update(monitoring=False)
    assert actions(aws) == ["UnmonitorInstances"]


def test_groups_taken_back(aws: LocalAws, where: Network) -> None:
    """Without groups of its own an instance is in the network's default group, at its launch and ever after."""
    made = web(aws, where)
    default = made.create().properties["security_groups"]
    made.update(security_groups=[where.group])
    assert made.observe().properties["security_groups"] == [where.group]
    made.update(security_groups=None)
    assert made.observe().properties["security_groups"] == default


def test_its_profile(aws: LocalAws, where: Network) -> None:
    """A profile is given, exchanged and taken away in place; its name and its ARN are one, whatever its path."""
    iam = aws.client("iam")
    iam.create_instance_profile(InstanceProfileName="reader", Path="/shop/")
    writer = iam.create_instance_profile(InstanceProfileName="writer")["InstanceProfile"]["Arn"]
    made = web(aws, where)
    made.create()
    aws.control.forget()
    for profile in ("reader", writer, None):
        made.update(profile=profile)
        assert made.differs() == []
    assert actions(aws) == [
        "AssociateIamInstanceProfile",
        "ReplaceIamInstanceProfileAssociation",
        "DisassociateIamInstanceProfile",
    ]
    assert made.observe().properties["profile"] is None


# --- ending ---------------------------------------------------------------------------------------------------------


def test_protected(aws: LocalAws, where: Network) -> None:
    """EC2's protection keeps other hands from terminating it, and not us: a rollback would be stuck."""
    made = web(aws, where, termination_protection=True)
    made.create()
    with pytest.raises(aws.client("ec2").exceptions.ClientError, match="OperationNotPermitted"):
        aws.client("ec2").terminate_instances(InstanceIds=[made.remote_id])
    assert made.delete().status is Status.absent
    assert standing(aws, "volume") == {}


def test_protection_taken_back(aws: LocalAws, where: Network) -> None:
    """What cannot be read is written back from the change itself: the spec of an undo still says what was wanted."""
    made = web(aws, where, termination_protection=True)
    made.create()
    back = FieldChange(path="termination_protection", before=True, after=False)
    KIND.update(made.call(changes=[back]))
    aws.client("ec2").terminate_instances(InstanceIds=[made.remote_id])


def test_a_launch_that_fails(aws: LocalAws, where: Network) -> None:
    """A launch that EC2 gives up on is absent, and says in EC2's words why."""
    aws.control.settings(instance_fails="Client.VolumeLimitExceeded")
    seen = web(aws, where).create()
    assert (seen.status, "Client.VolumeLimitExceeded" in seen.detail) == (Status.absent, True)


def test_strangers(aws: LocalAws, where: Network) -> None:
    """What another hand launched is neither listed nor found, and reading costs two calls for all there are."""
    launch(aws, where, TagSpecifications=tags("instance", Name="web"))
    ours = [Called(KIND, aws, f"web-{n}", web(aws, where).spec) for n in range(3)]
    for one in ours:
        one.create()
    listed = ours[0].listed()
    assert {o.remote_id for o in listed} == {one.remote_id for one in ours}
    assert not any(o.partial for o in listed)
    assert [o.remote_id for o in ours[1].find()] == [ours[1].remote_id]
    assert {o.remote_id: o for o in listed}[ours[2].remote_id] == ours[2].observe()


# --- comparing ------------------------------------------------------------------------------------------------------


def test_forms() -> None:
    """The order of groups means nothing, and a profile's ARN is its name."""
    one = {"security_groups": ["sg-2", "sg-1"], "profile": "arn:aws:iam::123456789012:instance-profile/shop/reader"}
    assert KIND.canonical(one) == KIND.canonical({"security_groups": ["sg-1", "sg-2"], "profile": "reader"})


def test_beside_each_other() -> None:
    """The new half of a replace waits for the old one only where both want one address."""
    one = {"subnet": "subnet-1", "private_ip": "10.0.1.9"}
    assert KIND.collides(one, {**one, "image": "ami-2"})
    assert not KIND.collides(one, {"subnet": "subnet-2", "private_ip": "10.0.1.9"})
    assert not KIND.collides(one, {"subnet": "subnet-1", "private_ip": None})


# --- recorded answers -----------------------------------------------------------------------------------------------


def recorded(operation: str) -> list[dict[str, Any]]:
    """Every recorded answer of an operation."""
    if "HOLDFAST_FIXTURES" not in os.environ:
        pytest.skip("HOLDFAST_FIXTURES is not set")
    files = sorted(Path(os.environ["HOLDFAST_FIXTURES"], "aws").glob(f"*/ec2.{operation}_*.json"))
    assert files
    return [json.loads(file.read_text())["data"] for file in files]


def loses_nothing(kind: ResourceType[Any], seen: Observation) -> None:
    """Whether the spec can say all that was read: read, written and read again it is the same."""
    read = kind.canonical(seen.properties)
    again = kind.canonical(kind.spec.model_validate(read).plain())
    assert {name: again[name] for name in read} == read
    assert kind.diff(again, None, seen.properties) == ()


@pytest.mark.fixtures
def test_recorded_instances() -> None:
    """Every recorded instance is read whole, and a spec made of what was read says the same."""
    raws = [raw for answer in recorded("DescribeInstances") for raw in KIND._members(answer)]
    for raw in raws:
        seen = KIND.see(raw, SCOPE)
        assert seen.remote_id == raw["InstanceId"]
        assert seen.status in {Status.ready, Status.pending, Status.absent}
        assert seen.outputs["private_ip"] == raw.get("PrivateIpAddress")
        loses_nothing(KIND, seen)
    assert len(raws) > len(recorded("DescribeInstances"))


@pytest.mark.fixtures
def test_recorded_volumes() -> None:
    """Every recorded volume is read whole, as a resource and as a root disk, and a spec says the same."""
    for answer in recorded("DescribeVolumes"):
        for raw in answer["Volumes"]:
            seen = Volume().see(raw, SCOPE)
            assert (seen.status, seen.properties["size"]) == (Status.ready, raw["Size"])
            loses_nothing(Volume(), seen)
