"""`gcp.instance_group_manager`: a group of instances, all made of one template, as many as there shall be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field

from activities.providers.gcp import descriptions
from activities.providers.gcp.compute import ComputeKind, Step, step
from activities.providers.gcp.paths import NAME, ZONE, Path, bare, reference, zonal
from activities.providers.gcp.rules import ordered
from holdfast.model import Scope, Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Carrier, Observation, Output

_GROUPS: Final[Mapping[str, str]] = {"zones": "instance_groups", "regions": "region_instance_groups"}


class NamedPort(Spec):
    """A port by the name that a load balancer knows it by."""

    name: str = Field(pattern=NAME, description="as in http")
    port: int = Field(ge=1, le=65_535, description="the port of each instance")


class UpdatePolicy(Spec):
    """How members come to be of another template."""

    type: Literal["OPPORTUNISTIC", "PROACTIVE"] = Field(
        default="OPPORTUNISTIC", description="as they are made anew anyway, or one after the other at once"
    )
    minimal_action: Literal["REFRESH", "RESTART", "REPLACE"] = Field(
        default="REPLACE", description="the least that is done to a member: REPLACE makes another"
    )


class InstanceGroupManagerSpec(Spec):
    """A group, in one zone or in all zones of its scope's region."""

    name: str = Field(pattern=NAME, description="unique in the project, and in the zone or region")
    zone: str | None = Field(
        default=None, pattern=ZONE, description="as in us-central1-a; without, it is spread over the region's zones"
    )
    instance_template: str = Field(
        pattern=reference("instanceTemplates"), description="how members are made, by its `self_link`"
    )
    target_size: int = Field(ge=0, le=10_000, description="how many there shall be")
    base_instance_name: str | None = Field(
        default=None, pattern=NAME, description="how their names begin; as the group's own without"
    )
    named_ports: list[NamedPort] = Field(default_factory=list, description="ports that load balancers go by")
    update_policy: UpdatePolicy = Field(
        default_factory=UpdatePolicy, description="what another template does to the members that there are"
    )
    description: str = Field(default="", max_length=1500, description="said once, when it is made")


class InstanceGroupManager(ComputeKind[InstanceGroupManagerSpec]):
    """A group has no labels, and its description is said in the create alone: so are our marks.

    It is ready when Google calls it stable: as many as asked for stand, and are what they shall be; where its members
    go over to another template at once, when all of them have.

    Source: Compute Engine API v1, instanceGroupManagers and regionInstanceGroupManagers: insert, patch, resize;
    instanceGroups and regionInstanceGroups: setNamedPorts.
    """

    kind = "gcp.instance_group_manager"
    spec = InstanceGroupManagerSpec
    collection, argument = "instanceGroupManagers", "instance_group_manager"
    services = {"zones": "instance_group_managers", "regions": "region_instance_group_managers"}
    references = frozenset({"instance_template"})
    carrier = Carrier.description
    marks_fixed = "a group has no labels, and its description, which bears the marks, is written once"
    outputs = {
        "id": Output("its path: projects/PROJECT/PLACE/instanceGroupManagers/NAME"),
        "self_link": Output("its URL"),
        "name": Output("its name"),
        "instance_group": Output("the path of the group itself, which load balancers refer to"),
    }
    immutable = frozenset({"name", "zone", "base_instance_name", "description"})
    lossy = {
        "instance_template": "members that it made anew, or that come back, are others, and their disks with them",
        "target_size": "Google chooses which members go; those that come back are others, and their disks with them",
        "update_policy": "members that it made anew are others, and their disks with them",
    }
    kept_in_use = "give the new group another name, and let the backend service name that one"
    holds_data = True
    delete_undo = UndoLabel.irreversible
    delete_note = "its members, and what is written on their disks"
    permissions = {
        "observe": (
            "compute.instanceGroupManagers.get",
            "compute.zoneOperations.get",
            "compute.zoneOperations.list",
            "compute.regionOperations.get",
            "compute.regionOperations.list",
        ),
        "discover": ("compute.instanceGroupManagers.list",),
        "create": (
            "compute.instanceGroupManagers.create",
            "compute.instanceTemplates.useReadOnly",
            "compute.instances.create",
            "compute.disks.create",
            "compute.subnetworks.use",
        ),
        "update": (
            "compute.instanceGroupManagers.update",
            "compute.instanceGroups.get",
            "compute.instanceGroups.update",
            "compute.instanceTemplates.useReadOnly",
        ),
        "delete": ("compute.instanceGroupManagers.delete", "compute.instances.delete"),
    }
    settle_within = {
        Verb.create: timedelta(minutes=30),
        Verb.update: timedelta(minutes=60),
        Verb.delete: timedelta(minutes=30),
    }
    example = """
net: {kind: gcp.network, spec: {name: net}}
app: {kind: gcp.subnetwork, spec: {name: app, network: "${net.self_link}", ip_cidr_range: 10.0.0.0/24}}
one:
  kind: gcp.instance_template
  spec:
    name_prefix: web-
    machine_type: e2-small
    image: projects/debian-cloud/global/images/debian-12-bookworm-v20240910
    subnetwork: ${app.self_link}
two:
  kind: gcp.instance_template
  spec:
    name_prefix: web-
    machine_type: e2-medium
    image: projects/debian-cloud/global/images/debian-12-bookworm-v20240910
    subnetwork: ${app.self_link}
web:
  kind: gcp.instance_group_manager
  spec:
    name: web
    zone: us-central1-a
    instance_template: ${one.self_link}
    target_size: 1
    named_ports: [{name: http, port: 8080}]
"""
    trials = {
        "instance_template": "${two.self_link}",
        "target_size": 2,
        "named_ports": [{"name": "http", "port": 8081}, {"name": "admin", "port": 9000}],
        "update_policy": {"type": "PROACTIVE", "minimal_action": "RESTART"},
    }

    def place(self, spec: InstanceGroupManagerSpec, scope: Scope) -> str:
        return zonal(spec.zone, scope.region) if spec.zone else f"regions/{scope.region}"

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        kind, _, where = Path.read(raw["selfLink"]).place.partition("/")
        versions, policy = raw.get("versions") or [{}], raw.get("updatePolicy", {})
        template = versions[0].get("instanceTemplate") or raw.get("instanceTemplate")
        defaults = UpdatePolicy()
        said = {
            "zone": where if kind == "zones" else None,
            "base_instance_name": raw.get("baseInstanceName"),
            "named_ports": [{"name": one["name"], "port": one["port"]} for one in raw.get("namedPorts", ())],
            "update_policy": {
                "type": policy.get("type", defaults.type),
                "minimal_action": policy.get("minimalAction", defaults.minimal_action),
            },
            "description": descriptions.own(raw.get("description", "")),
        }
        said |= {"target_size": int(raw["targetSize"])} if "targetSize" in raw else {}
        said |= {"instance_template": bare(template)} if template else {}
        status = raw.get("status", {})
        # Right after a patch it may be stable yet: who goes over one by one is there when all are of the new version.
        reached = policy.get("type") != "PROACTIVE" or status.get("versionTarget", {}).get("isReached", True)
        stable = status.get("isStable", True) and reached
        group = bare(raw["instanceGroup"]) if "instanceGroup" in raw else None
        detail = "" if stable else "its members are not yet what they shall be"
        return self.seen(raw, said, {"instance_group": group}, Status.ready if stable else Status.pending, detail)

    def body(self, call: Call[InstanceGroupManagerSpec]) -> dict[str, Any]:
        wanted = call.wanted
        return {
            "baseInstanceName": wanted.base_instance_name or wanted.name,
            "targetSize": wanted.target_size,
            **self._said(wanted),
            **_ports(wanted),
        }

    @staticmethod
    def _said(wanted: InstanceGroupManagerSpec) -> dict[str, Any]:
        return {
            "versions": [{"instanceTemplate": wanted.instance_template}],
            "updatePolicy": {"type": wanted.update_policy.type, "minimalAction": wanted.update_policy.minimal_action},
        }

    def steps(self, call: Call[InstanceGroupManagerSpec]) -> Iterator[Step]:
        """One patch, built on what was read a moment ago; then as many as there shall be; then the ports, which a
        patch does not write: they are the group's own.
        """
        theirs = {"instance_template": "versions", "update_policy": "updatePolicy"}
        said = self._said(call.wanted)
        new = {theirs[field]: said[theirs[field]] for field in theirs if self.changes(call, field)}
        if new:
            yield self.patching(call, {**new, "fingerprint": self.get(call)["fingerprint"]})
        if self.changes(call, "target_size"):
            yield self.asking(call, "resize", size=call.wanted.target_size)
        if self.changes(call, "named_ports"):
            yield self._porting(call)

    def _porting(self, call: Call[InstanceGroupManagerSpec]) -> Step:
        path = self.path(call)
        groups, named = call.client(_GROUPS[path.place.partition("/")[0]]), {"instance_group": path.name}
        body = {**_ports(call.wanted), "fingerprint": groups.get(**path.where, **named)["fingerprint"]}
        ask = groups.set_named_ports
        return step("ports", lambda request: ask(**path.where, **named, body=body, request_id=request), body)

    def targets(self, path: Path) -> str:
        """The group's own as well."""
        return str(path).replace(f"/{self.collection}/", "/instanceGroup(Manager)?s/")

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The order of ports means nothing."""
        form = super().canonical(properties)
        if isinstance(form.get("named_ports"), list | tuple):
            form["named_ports"] = ordered(form["named_ports"])
        return form


def _ports(wanted: InstanceGroupManagerSpec) -> dict[str, Any]:
    """As Compute takes them: none are said by leaving them out."""
    return {"namedPorts": [one.plain() for one in wanted.named_ports]} if wanted.named_ports else {}
