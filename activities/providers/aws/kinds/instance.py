"""`aws.instance`: a virtual machine, on encrypted disks, without an address outside unless the document says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any, Literal

from pydantic import Field, model_validator

from activities.providers.aws import disks, tags
from activities.providers.aws.ec2 import Ec2Kind
from activities.providers.aws.tags import Tags
from holdfast.contract import ADDRESS_TAG
from holdfast.errors import InvalidInput, NotFound, Pending
from holdfast.model import Scope, Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Clients, Observation, Operated, Output, Safety
from holdfast.values import has_unknown


class InstanceSpec(Spec):
    """A machine in one subnet."""

    image: str = Field(pattern=r"^ami-\w+$", description="the image it boots from; see `aws.image`")
    type: str = Field(pattern=r"^[\w-]+\.[\w-]+$", description="as in t3.micro; changes only while it is stopped")
    subnet: str = Field(description="the subnet's id, which says the zone and the network too")
    security_groups: list[str] | None = Field(
        default=None, min_length=1, description="ids; without any, EC2 gives it the network's default group"
    )
    private_ip: IPv4Address | None = Field(
        default=None, description="its address in the subnet; without, EC2 picks one"
    )
    public_ip: bool = Field(default=False, description="a public address, until it stops, whatever the subnet says")
    key_name: str | None = Field(default=None, description="the key pair that may log in at its first boot")
    profile: str | None = Field(default=None, description="the instance profile it may act as: its name, or its ARN")
    user_data: str | None = Field(
        default=None, max_length=16_384, description="handed to its first boot, and so a change replaces it"
    )
    root_size: int | None = Field(
        default=None, ge=1, le=65_536, description="GiB; without, the image's own; it grows, and never shrinks"
    )
    root_type: Literal["gp2", "gp3", "io1", "io2", "standard"] = Field(
        default="gp3", description="how the disk it boots from is built, and so how fast it is"
    )
    root_iops: int | None = Field(
        default=None,
        ge=100,
        le=256_000,
        description="its operations a second; io1 and io2 need it, gp3 has 3000 without",
    )
    encrypted: bool = Field(default=True, description="encrypt every disk it is launched with")
    kms_key: str | None = Field(default=None, description="a KMS key's ARN; without one, the account's own for disks")
    power: Literal["running", "stopped"] = Field(default="running", description="moved by starting and stopping it")
    metadata_tokens: Literal["required", "optional"] = Field(
        default="required", description="required: its credentials are given by IMDSv2 only, which forgery cannot reach"
    )
    metadata_hops: int = Field(default=1, ge=1, le=64, description="how far metadata travels; 2 lets containers ask")
    monitoring: bool = Field(default=False, description="metrics every minute, for a price, instead of every five")
    termination_protection: bool = Field(
        default=False, description="let EC2 refuse to terminate it; Holdfast's own delete takes it off first"
    )
    tags: Tags = Field(default_factory=dict, description=f"{tags.ABOUT}; on its disks and its interface too")

    @model_validator(mode="after")
    def _fits_together(self) -> InstanceSpec:
        disks.fits(self.root_type, self.root_iops)
        if self.kms_key is not None and self.encrypted is False:
            raise ValueError("a kms_key encrypts, and `encrypted` says not to")
        return self


class Instance(Ec2Kind[InstanceSpec]):
    """RunInstances takes a client token, and everything else in the same call: nothing is ever half made.

    Its disks and its interface carry its marks as well, so nothing that a launch makes is nobody's.

    `user_data` is immutable although EC2 lets it be written while stopped: images run it at the first boot only, and a
    change in place would only look done. It is not read back, and neither is `termination_protection`: EC2 tells each
    of them by a call per instance, and the first may hold what is better not fetched.
    """

    kind = "aws.instance"
    spec = InstanceSpec
    outputs = {
        "id": Output("the instance's id"),
        "arn": Output("its ARN"),
        "private_ip": Output("its address in the subnet"),
        "public_ip": Output("its public address, another after each start; null without one", stable=False),
        "zone": Output("the availability zone"),
        "root_disk": Output("the id of the volume it boots from"),
        "interface": Output("the id of its first network interface"),
    }
    safety = Safety.by_token
    token_window = timedelta(hours=24)  # EC2 API reference, "Ensuring idempotency": after the instance's end, even
    immutable = frozenset(
        {"image", "subnet", "private_ip", "public_ip", "key_name", "user_data", "encrypted", "kms_key"}
    )
    one_way = {"root_size": "a volume does not shrink"}
    holds_data = True
    delete_undo = UndoLabel.needs_snapshot
    delete_note = "what is written on its disks, and its addresses"
    permissions = {
        "observe": ("ec2:DescribeInstances", "ec2:DescribeVolumes"),
        "discover": ("ec2:DescribeInstances", "ec2:DescribeVolumes"),
        "create": ("ec2:DescribeImages", "ec2:RunInstances", "ec2:CreateTags", "ec2:StopInstances", "iam:PassRole"),
        "update": (
            "ec2:ModifyInstanceAttribute",
            "ec2:ModifyInstanceMetadataOptions",
            "ec2:MonitorInstances",
            "ec2:UnmonitorInstances",
            "ec2:ModifyVolume",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeIamInstanceProfileAssociations",
            "ec2:AssociateIamInstanceProfile",
            "ec2:ReplaceIamInstanceProfileAssociation",
            "ec2:DisassociateIamInstanceProfile",
            "iam:PassRole",
            "ec2:DescribeTags",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ),
        "operate": ("ec2:StartInstances", "ec2:StopInstances", "ec2:RebootInstances"),
        "delete": ("ec2:TerminateInstances", "ec2:ModifyInstanceAttribute"),
        "adopt": ("ec2:DescribeTags", "ec2:CreateTags"),
        "disown": ("ec2:DescribeTags", "ec2:DeleteTags"),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.operate: timedelta(minutes=20),  # a stop may hang, and EC2 forces it then
        Verb.delete: timedelta(minutes=20),
    }
    operations = {
        "start": Operated("start it", undo="stop", sets={"power": "running"}),
        "stop": Operated(
            "stop it; what lies in memory and on instance stores is lost", undo="start", sets={"power": "stopped"}
        ),
        "reboot": Operated("let its system restart, on the same machine and with the same addresses"),
    }
    stopped_for = {"type": ("stop", "start")}
    example = """
net: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}
app: {kind: aws.subnet, spec: {vpc: "${net.id}", cidr: 10.0.1.0/24, zone: eu-central-1a}}
door: {kind: aws.security_group, spec: {name: web, description: of the web, vpc: "${net.id}"}}
web: {kind: aws.instance, spec: {image: ami-03cf127a, type: t3.micro, subnet: "${app.id}", root_iops: 3500}}
"""
    trials = {
        "type": "t3.small",
        "security_groups": ["${door.id}"],
        "profile": "reader",
        "root_size": 20,
        "root_type": "io2",
        "root_iops": 4000,
        "power": "stopped",
        "metadata_tokens": "optional",
        "metadata_hops": 2,
        "monitoring": True,
        "termination_protection": True,
        "tags": {"team": "shop"},
    }

    describe, listed_in, id_field, tag_type = "describe_instances", "Reservations", "InstanceId", "instance"

    _STATUS = {
        "pending": Status.pending,
        "running": Status.ready,
        "stopping": Status.pending,
        "stopped": Status.ready,
        "shutting-down": Status.deleting,
        "terminated": Status.absent,  # shown for an hour, and answered to the token that made it for a day
    }
    _POWER = {"pending": "running", "running": "running", "stopping": "stopped", "stopped": "stopped"}
    _METADATA = {"metadata_tokens": "HttpTokens", "metadata_hops": "HttpPutResponseHopLimit"}

    # --- reading -----------------------------------------------------------------------------------------------

    def _members(self, page: dict[str, Any]) -> list[dict[str, Any]]:
        return [raw for reservation in page.get("Reservations", ()) for raw in reservation["Instances"]]

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        """All but its disk: `fill` reads those of a whole page at once."""
        found, remote_id, state = tags.plain(raw.get("Tags")), raw["InstanceId"], raw["State"]["Name"]
        return Observation(
            kind=self.kind,
            status=self._STATUS.get(state, Status.pending),
            remote_id=remote_id,
            properties={**self._said(raw), "tags": tags.own(found)},
            outputs={
                "id": remote_id,
                "arn": self.arn(scope, remote_id),
                "private_ip": raw.get("PrivateIpAddress"),
                "public_ip": raw.get("PublicIpAddress"),
                "zone": raw.get("Placement", {}).get("AvailabilityZone"),
                "root_disk": disks.root(raw),
                "interface": _first_interface(raw).get("NetworkInterfaceId"),
            },
            detail=": ".join(filter(None, (f"state {state}", raw.get("StateReason", {}).get("Message", "")))),
            partial=True,
            **tags.seen(found),
        )

    def _said(self, raw: dict[str, Any]) -> dict[str, Any]:
        options, address = raw.get("MetadataOptions", {}), _first_interface(raw).get("Association", {})
        said = {
            "image": raw["ImageId"],
            "type": raw["InstanceType"],
            "subnet": raw.get("SubnetId"),
            "security_groups": sorted(group["GroupId"] for group in raw.get("SecurityGroups", ())) or None,
            "metadata_tokens": options.get("HttpTokens"),
            "metadata_hops": options.get("HttpPutResponseHopLimit"),
            "monitoring": raw.get("Monitoring", {}).get("State") in {"enabled", "pending"},
            "power": self._POWER.get(raw["State"]["Name"]),
        }
        # Whether it was to have a public address shows while it runs, unless an elastic one has taken the place.
        if raw["State"]["Name"] == "running" and address.get("IpOwnerId", "amazon") == "amazon":
            said["public_ip"] = bool(address.get("PublicIp"))
        return {
            **{name: value for name, value in said.items() if value is not None},
            "private_ip": raw.get("PrivateIpAddress"),
            "key_name": raw.get("KeyName"),
            "profile": raw.get("IamInstanceProfile", {}).get("Arn"),
        }

    def fill(self, seen: Sequence[Observation], client: Clients) -> Iterator[Observation]:
        """With what their root disks are: one more call for two hundred."""
        found = disks.read(client, [str(o.outputs["root_disk"]) for o in seen if o.outputs.get("root_disk")])
        for one in seen:
            more = found.get(str(one.outputs.get("root_disk")), {})
            yield one.model_copy(update={"properties": {**one.properties, **more}, "partial": False})

    def parts(self, call: Call[InstanceSpec]) -> list[str]:
        """Itself, and of its root disk and first interface those that are not resources of their own."""
        outputs = self.observe(call).outputs
        others = [str(outputs[name]) for name in ("root_disk", "interface") if outputs.get(name)]
        wanted = [{"Name": "resource-id", "Values": others}, {"Name": "key", "Values": [ADDRESS_TAG]}]
        marked = call.client("ec2").describe_tags(Filters=wanted)["Tags"] if others else []
        not_mine = {tag["ResourceId"] for tag in marked if not self.is_mine(tags.read(tag["Value"]))}
        return [call.id, *(one for one in others if one not in not_mine)]

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[InstanceSpec]) -> Observation:
        """One call. To stand stopped it has to have run: until it does, that is `Pending`, and the next delivery's."""
        seen = self.observe(call) if call.remote_id else self.see(self._launch(call), call.scope)
        if call.wanted.power == "running" or seen.properties.get("power") != "running":
            return seen
        if seen.status is Status.pending:
            raise Pending(f"{seen.remote_id} is starting; EC2 stops only what runs", address=call.address)
        return self.operate(replace(call, remote_id=seen.remote_id), "stop")

    def _launch(self, call: Call[InstanceSpec]) -> dict[str, Any]:
        wanted = call.wanted
        nic: dict[str, Any] = {
            "DeviceIndex": 0,
            "SubnetId": wanted.subnet,
            "AssociatePublicIpAddress": wanted.public_ip,
            "DeleteOnTermination": True,
        }
        nic |= {"Groups": wanted.security_groups} if wanted.security_groups else {}
        nic |= {"PrivateIpAddress": str(wanted.private_ip)} if wanted.private_ip else {}
        asked: dict[str, Any] = {
            "ImageId": wanted.image,
            "InstanceType": wanted.type,
            "NetworkInterfaces": [nic],
            "BlockDeviceMappings": disks.launched(call.client, wanted.image, _root_of(wanted), _keys_of(wanted)),
            "MetadataOptions": {theirs: getattr(wanted, ours) for ours, theirs in self._METADATA.items()},
            "Monitoring": {"Enabled": wanted.monitoring},
            "DisableApiTermination": wanted.termination_protection,
        }
        asked |= {"KeyName": wanted.key_name} if wanted.key_name else {}
        asked |= {"IamInstanceProfile": _profile(wanted.profile)} if wanted.profile else {}
        asked |= {"UserData": wanted.user_data} if wanted.user_data is not None else {}
        made = call.client("ec2").run_instances(
            MinCount=1, MaxCount=1, ClientToken=call.token, TagSpecifications=self.specification(call), **asked
        )
        raw: dict[str, Any] = made["Instances"][0]
        return raw

    def specification(self, call: Call[InstanceSpec]) -> list[dict[str, Any]]:
        """On what comes with it too."""
        marked = tags.listed(tags.marked(call))
        return [{"ResourceType": kind, "Tags": marked} for kind in (self.tag_type, "volume", "network-interface")]

    def update(self, call: Call[InstanceSpec]) -> Observation:
        """Only what changed. EC2 takes one attribute a call."""
        self.retag(call)
        ec2, wanted = call.client("ec2"), call.wanted
        if self.changes(call, "type"):
            ec2.modify_instance_attribute(InstanceId=call.id, InstanceType={"Value": wanted.type})
        for change in (c for c in call.changes if c.path == "termination_protection"):
            self._protect(call, on=bool(change.after))  # the spec of an undo does not hold what cannot be read
        if self.changes(call, "security_groups"):
            groups = wanted.security_groups or [self._default_group(call)]
            ec2.modify_instance_attribute(InstanceId=call.id, Groups=groups)
        options = {theirs: getattr(wanted, ours) for ours, theirs in self._METADATA.items() if self.changes(call, ours)}
        if options:
            ec2.modify_instance_metadata_options(InstanceId=call.id, **options)
        if self.changes(call, "monitoring"):
            (ec2.monitor_instances if wanted.monitoring else ec2.unmonitor_instances)(InstanceIds=[call.id])
        if self.changes(call, "profile"):
            self._act_as(call, wanted.profile)
        if disk := disks.modification(call, "root_"):
            ec2.modify_volume(VolumeId=self.observe(call).outputs["root_disk"], **disk)
        return self.observe(call)

    def _protect(self, call: Call[InstanceSpec], *, on: bool) -> None:
        call.client("ec2").modify_instance_attribute(InstanceId=call.id, DisableApiTermination={"Value": on})

    @staticmethod
    def _default_group(call: Call[InstanceSpec]) -> str:
        """What EC2 gives an instance that names no groups."""
        ec2 = call.client("ec2")
        raw = ec2.describe_instances(InstanceIds=[call.id])["Reservations"][0]["Instances"][0]
        wanted = [{"Name": "vpc-id", "Values": [raw["VpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
        return str(ec2.describe_security_groups(Filters=wanted)["SecurityGroups"][0]["GroupId"])

    @staticmethod
    def _act_as(call: Call[InstanceSpec], profile: str | None) -> None:
        ec2 = call.client("ec2")
        states = ["associating", "associated"]
        wanted = [{"Name": "instance-id", "Values": [call.id]}, {"Name": "state", "Values": states}]
        now = ec2.describe_iam_instance_profile_associations(Filters=wanted)["IamInstanceProfileAssociations"]
        if profile is None:
            for one in now:
                ec2.disassociate_iam_instance_profile(AssociationId=one["AssociationId"])
        elif now:
            ec2.replace_iam_instance_profile_association(
                AssociationId=now[0]["AssociationId"], IamInstanceProfile=_profile(profile)
            )
        else:
            ec2.associate_iam_instance_profile(InstanceId=call.id, IamInstanceProfile=_profile(profile))

    def operate(self, call: Call[InstanceSpec], operation: str) -> Observation:
        """The answer says that it is on its way; a read that is behind would say that it has been there all along."""
        ec2, ids = call.client("ec2"), {"InstanceIds": [call.id]}
        if operation == "reboot":
            ec2.reboot_instances(**ids)
            return self.observe(call)
        start = operation == "start"
        changed = (
            ec2.start_instances(**ids)["StartingInstances"] if start else ec2.stop_instances(**ids)["StoppingInstances"]
        )
        seen, state = self.observe(call), changed[0]["CurrentState"]["Name"]
        if not seen.stands or self._STATUS[state] is not Status.pending:
            return seen
        moved = {**seen.properties, "power": self._POWER[state]}
        return seen.model_copy(update={"status": Status.pending, "properties": moved, "detail": f"state {state}"})

    def delete(self, call: Call[InstanceSpec]) -> Observation:
        """Protection against termination is against other hands: ours was asked, and a rollback must not be stuck."""
        ec2, ids = call.client("ec2"), {"InstanceIds": [call.id]}
        try:
            try:
                ec2.terminate_instances(**ids)
            except InvalidInput as refused:
                if refused.letter.code != "OperationNotPermitted":
                    raise
                self._protect(call, on=False)
                ec2.terminate_instances(**ids)
        except NotFound:
            return self.absent(call.remote_id)
        return self.observe(call)

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Groups have no order, and an account has a profile's name once, whatever path its ARN shows."""
        form = dict(properties)
        groups, profile = form.get("security_groups"), form.get("profile")
        if isinstance(groups, list) and not has_unknown(groups):
            form["security_groups"] = sorted(set(groups))
        if isinstance(profile, str):
            form["profile"] = profile.rpartition("/")[2]
        return form

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only where both want one address."""
        wanted = after.get("private_ip")
        return wanted is not None and wanted == before.get("private_ip") and after.get("subnet") == before.get("subnet")


def _first_interface(raw: dict[str, Any]) -> dict[str, Any]:
    nics = (n for n in raw.get("NetworkInterfaces", ()) if n.get("Attachment", {}).get("DeviceIndex") == 0)
    return next(nics, {})


def _root_of(wanted: InstanceSpec) -> dict[str, Any]:
    asked = {"VolumeType": wanted.root_type, "VolumeSize": wanted.root_size, "Iops": wanted.root_iops}
    return {name: value for name, value in asked.items() if value is not None}


def _keys_of(wanted: InstanceSpec) -> dict[str, Any]:
    key = {"KmsKeyId": wanted.kms_key} if wanted.kms_key else {}
    return {"Encrypted": True, **key} if wanted.encrypted else {}


def _profile(profile: str) -> dict[str, str]:
    return {"Arn" if profile.startswith("arn:") else "Name": profile}
