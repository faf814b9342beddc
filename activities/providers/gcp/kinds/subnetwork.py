"""`gcp.subnetwork`: a network's addresses in one region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any, Literal

from pydantic import Field

from activities.providers.gcp import descriptions
from activities.providers.gcp.compute import ComputeKind, Step
from activities.providers.gcp.paths import NAME, bare, reference
from holdfast.errors import InvalidInput
from holdfast.model import Scope, Spec, Status
from holdfast.plan import Verb
from holdfast.resource import Call, Carrier, Observation, Output


class FlowLogs(Spec):
    """Which connections are written down."""

    enable: bool = Field(default=False, description="write down samples of what comes and goes; it costs by volume")
    aggregation_interval: Literal[
        "INTERVAL_5_SEC", "INTERVAL_30_SEC", "INTERVAL_1_MIN", "INTERVAL_5_MIN", "INTERVAL_10_MIN", "INTERVAL_15_MIN"
    ] = Field(default="INTERVAL_5_SEC", description="the time that one line is about")
    flow_sampling: float = Field(default=0.5, gt=0, le=1, description="the share of the lines that is kept")
    metadata: Literal["INCLUDE_ALL_METADATA", "EXCLUDE_ALL_METADATA"] = Field(
        default="INCLUDE_ALL_METADATA", description="whether a line names the instances, and their network"
    )


class SubnetworkSpec(Spec):
    """A subnetwork, in the region of its scope."""

    name: str = Field(pattern=NAME, description="unique in the project and region")
    network: str = Field(pattern=reference("networks"), description="the network, by its `self_link` or `id`")
    ip_cidr_range: IPv4Network = Field(description="its addresses, from /8 to /29; they grow, and never shrink")
    private_ip_google_access: bool = Field(
        default=True, description="whether instances without an address outside reach Google's own services"
    )
    log_config: FlowLogs = Field(default_factory=FlowLogs, description="flow logs; none are written without")
    description: str = Field(default="", max_length=1500, description="said once, when it is made")


class Subnetwork(ComputeKind[SubnetworkSpec]):
    """A subnetwork has no labels, and its description is said in the create alone: so are our marks.

    Source: Compute Engine API v1, subnetworks: insert, patch, expandIpCidrRange, setPrivateIpGoogleAccess.
    """

    kind = "gcp.subnetwork"
    spec = SubnetworkSpec
    collection, argument = "subnetworks", "subnetwork"
    services = {"regions": "subnetworks"}
    references = frozenset({"network"})
    carrier = Carrier.description
    marks_fixed = "a subnetwork has no labels, and its description, which bears the marks, is written once"
    outputs = {
        "id": Output("its path: projects/PROJECT/regions/REGION/subnetworks/NAME"),
        "self_link": Output("its URL, which others refer to"),
        "name": Output("its name"),
        "network": Output("the path of its network"),
        "ip_cidr_range": Output("its addresses", stable=False),
        "gateway_address": Output("the address of its gateway", stable=False),
    }
    immutable = frozenset({"name", "network", "description"})
    one_way = {"ip_cidr_range": "a subnetwork's range grows, and never shrinks"}
    permissions = {
        "observe": ("compute.subnetworks.get", "compute.regionOperations.get", "compute.regionOperations.list"),
        "discover": ("compute.subnetworks.list",),
        "create": ("compute.subnetworks.create", "compute.networks.updatePolicy"),
        "update": (
            "compute.subnetworks.update",
            "compute.subnetworks.expandIpCidrRange",
            "compute.subnetworks.setPrivateIpGoogleAccess",
        ),
        "delete": ("compute.subnetworks.delete", "compute.networks.updatePolicy"),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=20),  # it may wait for instances that are on their way out
    }
    example = """
net: {kind: gcp.network, spec: {name: net}}
app: {kind: gcp.subnetwork, spec: {name: app, network: "${net.self_link}", ip_cidr_range: 10.0.0.0/24}}
"""
    trials = {
        "ip_cidr_range": "10.0.0.0/22",
        "private_ip_google_access": False,
        "log_config": {"enable": True, "flow_sampling": 0.25},
    }

    _LOGS = {
        "enable": "enable",
        "aggregation_interval": "aggregationInterval",
        "flow_sampling": "flowSampling",
        "metadata": "metadata",
    }

    def place(self, spec: SubnetworkSpec, scope: Scope) -> str:
        return f"regions/{scope.region}"

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        logs = {"enable": raw.get("enableFlowLogs", False), **raw.get("logConfig", {})}
        said = {
            "network": bare(raw["network"]),
            "private_ip_google_access": raw.get("privateIpGoogleAccess", False),
            "log_config": {ours: logs[theirs] for ours, theirs in self._LOGS.items() if theirs in logs},
            "description": descriptions.own(raw.get("description", "")),
        }
        said |= {"ip_cidr_range": raw["ipCidrRange"]} if "ipCidrRange" in raw else {}  # one of IPv6 alone has none
        outputs = {
            "network": said["network"],
            "ip_cidr_range": raw.get("ipCidrRange"),
            "gateway_address": raw.get("gatewayAddress"),
        }
        status = Status.pending if raw.get("state") == "DRAINING" else Status.ready
        return self.seen(raw, said, outputs, status)

    def body(self, call: Call[SubnetworkSpec]) -> dict[str, Any]:
        wanted = call.wanted
        return {
            "network": wanted.network,
            "ipCidrRange": str(wanted.ip_cidr_range),
            "privateIpGoogleAccess": wanted.private_ip_google_access,
            "logConfig": self._logs(wanted),
        }

    def _logs(self, wanted: SubnetworkSpec) -> dict[str, Any]:
        asked = wanted.log_config.plain() if wanted.log_config.enable else {"enable": False}
        return {self._LOGS[ours]: value for ours, value in asked.items()}

    def steps(self, call: Call[SubnetworkSpec]) -> Iterator[Step]:
        """Three methods; a patch is built on what was read a moment ago, which its fingerprint says."""
        wanted = call.wanted
        if self.changes(call, "ip_cidr_range"):
            before = IPv4Network(self.get(call)["ipCidrRange"])
            if not before.subnet_of(wanted.ip_cidr_range):
                raise InvalidInput(
                    f"{before} does not lie in {wanted.ip_cidr_range}: {self.one_way['ip_cidr_range']}",
                    standing="untouched by this step",
                    next="let the document name a range that holds the present one, or make another subnetwork",
                )
            if before != wanted.ip_cidr_range:
                yield self.asking(call, "expand_ip_cidr_range", {"ipCidrRange": str(wanted.ip_cidr_range)})
        if self.changes(call, "private_ip_google_access"):
            said = {"privateIpGoogleAccess": wanted.private_ip_google_access}
            yield self.asking(call, "set_private_ip_google_access", said)
        if self.changes(call, "log_config"):
            logs = {"logConfig": self._logs(wanted), "fingerprint": self.get(call)["fingerprint"]}
            yield self.patching(call, logs)

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """What is said of logs that nobody writes means nothing."""
        form = super().canonical(properties)
        logs = form.get("log_config")
        if isinstance(logs, Mapping) and logs.get("enable") is False:
            form["log_config"] = {"enable": False}
        return form

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Under the same name; and in one network no two share an address. What is not known yet is in the way."""
        if super().collides(before, after):
            return True
        if before.get("network") != after.get("network"):
            return False
        one, other = before.get("ip_cidr_range"), after.get("ip_cidr_range")
        if not isinstance(one, str) or not isinstance(other, str):
            return True
        return IPv4Network(one).overlaps(IPv4Network(other))
