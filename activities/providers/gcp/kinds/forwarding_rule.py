"""`gcp.forwarding_rule`: the address at which a load balancer is reached, and to whom it hands what arrives there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from activities.providers.gcp import descriptions, rules
from activities.providers.gcp.compute import ComputeKind, Step
from activities.providers.gcp.paths import NAME, Path, at_one_number, bare, reference
from holdfast.model import Scope, Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Carrier, Observation, Output
from holdfast.values import is_opaque

_TARGETS: Final = (
    "(targetGrpcProxies|targetHttpProxies|targetHttpsProxies|targetInstances|targetPools|targetSslProxies"
    "|targetTcpProxies|targetVpnGateways)"
)
_PORTED: Final = frozenset({"TCP", "UDP", "SCTP"})
_PUBLIC: Final = frozenset({"EXTERNAL", "EXTERNAL_MANAGED"})
_ANOTHER: Final = "its address, unless a gcp.address holds it: Google gives another"  # lost by the delete of such a one
# Our words and Compute's, of what is sent as it is said.
_PLAIN: Final[Mapping[str, str]] = {
    "load_balancing_scheme": "loadBalancingScheme",
    "backend_service": "backendService",
    "target": "target",
    "ip_protocol": "IPProtocol",
    "port_range": "portRange",
    "network": "network",
    "subnetwork": "subnetwork",
    "network_tier": "networkTier",
}


class ForwardingRuleSpec(Spec):
    """An address and its ports. Only a network's own machines reach it, unless its scheme says otherwise."""

    name: str = Field(pattern=NAME, description="unique in the project, and in the region unless it is global")
    location: Literal["regional", "global"] = Field(
        default="regional", description="in the region of its scope, or everywhere"
    )
    load_balancing_scheme: Literal[
        "INTERNAL", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED", "EXTERNAL", "EXTERNAL_MANAGED"
    ] = Field(default="INTERNAL", description="of which load balancer it is; at EXTERNAL ones it is public")
    backend_service: str | None = Field(
        default=None,
        pattern=reference("backendServices"),
        description="of the regional passthrough ones: who takes what arrives",
    )
    target: str | None = Field(
        default=None, pattern=reference(_TARGETS), description="of all others: the proxy, pool or instance that does"
    )
    ip_address: IPv4Address | None = Field(
        default=None, description="as the `address` of a gcp.address; Google chooses one, for as long as it stands"
    )
    ip_protocol: Literal["TCP", "UDP", "ESP", "AH", "SCTP", "ICMP", "L3_DEFAULT"] = Field(
        default="TCP", description="what arrives; L3_DEFAULT is all of them"
    )
    ports: list[rules.Ports] = Field(
        default_factory=list, max_length=5, description="of passthrough: up to five, as in 443"
    )
    all_ports: bool = Field(default=False, description="of passthrough: every port")
    port_range: rules.Ports | None = Field(default=None, description="of all others: as in 443 or 8000-8010")
    network: str | None = Field(
        default=None, pattern=reference("networks"), description="of internal ones: where it is; the subnetwork's own"
    )
    subnetwork: str | None = Field(
        default=None, pattern=reference("subnetworks"), description="of internal ones: whose address it has"
    )
    allow_global_access: bool = Field(
        default=False, description="of internal regional ones: whether other regions of the network reach it"
    )
    network_tier: Literal["PREMIUM", "STANDARD"] | None = Field(
        default=None, description="of public ones: whose network its traffic takes; the project's without"
    )
    description: str = Field(default="", max_length=1500, description="said once, when it is made")

    @model_validator(mode="after")
    def _fits_together(self) -> ForwardingRuleSpec:
        if (self.backend_service is None) == (self.target is None):
            raise ValueError("say who takes what arrives: backend_service, or target")
        if not any(is_opaque(v) for v in (self.ip_protocol, self.ports, self.all_ports, self.port_range)):
            self._check_ports()
        if not any(is_opaque(v) for v in (self.location, self.load_balancing_scheme)):
            self._check_scheme()
        return self

    def _check_ports(self) -> None:
        if sum((bool(self.ports), self.all_ports, self.port_range is not None)) > 1:
            raise ValueError("say one of ports, all_ports and port_range")
        if (self.ports or self.port_range) and self.ip_protocol not in _PORTED:
            raise ValueError(f"{self.ip_protocol} has no ports")
        if self.ip_protocol == "L3_DEFAULT" and not self.all_ports:
            raise ValueError("L3_DEFAULT is of every port: say all_ports")

    def _check_scheme(self) -> None:
        scheme = self.load_balancing_scheme
        if self.location == "global" and (scheme == "INTERNAL" or self.backend_service is not None):
            raise ValueError("a global rule has a target, which is a proxy, and is not INTERNAL")
        if self.location == "regional" and scheme == "INTERNAL_SELF_MANAGED":
            raise ValueError("INTERNAL_SELF_MANAGED is global")
        if scheme in _PUBLIC and (self.network or self.subnetwork or self.allow_global_access is True):
            raise ValueError(f"network, subnetwork and allow_global_access are of internal rules, not of {scheme}")
        if scheme not in _PUBLIC and self.network_tier is not None:
            raise ValueError(f"network_tier is of public rules, not of {scheme}")
        if self.location == "global" and self.allow_global_access is True:
            raise ValueError("allow_global_access is of regional rules; a global one is reached from everywhere")
        if scheme != "INTERNAL":
            return
        if self.network is None and self.subnetwork is None:
            raise ValueError("say where it is: subnetwork, or network; Google takes the network `default` without")
        if self.backend_service is not None and not (self.ports or self.all_ports):
            raise ValueError("say ports, or all_ports; an INTERNAL rule has no port_range")


class ForwardingRule(ComputeKind[ForwardingRuleSpec]):
    """Our marks stand in its description, which is said in the create alone; so they are never written again.

    It has labels, but Google gives it none before `setLabels`, which it takes only when the rule is made: whoever died
    between the two would leave a rule that nobody knows. What others label is left alone.

    Source: Compute Engine API v1, forwardingRules and globalForwardingRules: insert, patch; `labels`, "can only be
    added or modified by the setLabels method".
    """

    kind = "gcp.forwarding_rule"
    spec = ForwardingRuleSpec
    collection, argument = "forwardingRules", "forwarding_rule"
    services = {"regions": "forwarding_rules", "global": "global_forwarding_rules"}
    references = frozenset({"backend_service", "target", "network", "subnetwork"})
    carrier = Carrier.description
    marks_fixed = (
        "a forwarding rule takes no labels in its create, and its description, with the marks, is written once"
    )
    outputs = {
        "id": Output("its path: projects/PROJECT/regions/REGION/forwardingRules/NAME, or global/forwardingRules/NAME"),
        "self_link": Output("its URL"),
        "name": Output("its name"),
        "ip_address": Output("the address at which it is reached"),
    }
    immutable = frozenset(ForwardingRuleSpec.model_fields) - {"allow_global_access"}
    delete_lossy = {"an external one": _ANOTHER}
    permissions = {
        "observe": (
            "compute.forwardingRules.get",
            "compute.globalForwardingRules.get",
            "compute.globalOperations.get",
            "compute.globalOperations.list",
            "compute.regionOperations.get",
            "compute.regionOperations.list",
        ),
        "discover": ("compute.forwardingRules.list", "compute.globalForwardingRules.list"),
        "create": (
            "compute.forwardingRules.create",
            "compute.globalForwardingRules.create",
            "compute.regionBackendServices.use",
            "compute.networks.use",
            "compute.subnetworks.use",
            "compute.addresses.use",
            "compute.addresses.useInternal",
            "compute.globalAddresses.use",
            "compute.regionTargetHttpProxies.use",
            "compute.regionTargetHttpsProxies.use",
            "compute.regionTargetTcpProxies.use",
            "compute.targetGrpcProxies.use",
            "compute.targetHttpProxies.use",
            "compute.targetHttpsProxies.use",
            "compute.targetInstances.use",
            "compute.targetPools.use",
            "compute.targetSslProxies.use",
            "compute.targetTcpProxies.use",
            "compute.targetVpnGateways.use",
        ),
        "update": ("compute.forwardingRules.update", "compute.globalForwardingRules.update"),
        "delete": ("compute.forwardingRules.delete", "compute.globalForwardingRules.delete"),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=10),
    }
    example = """
net: {kind: gcp.network, spec: {name: net}}
app: {kind: gcp.subnetwork, spec: {name: app, network: "${net.self_link}", ip_cidr_range: 10.0.0.0/24}}
well: {kind: gcp.health_check, spec: {name: well, location: regional, port: 5432}}
db: {kind: gcp.backend_service, spec: {name: db, health_checks: ["${well.self_link}"]}}
entry:
  kind: gcp.forwarding_rule
  spec:
    name: db
    backend_service: ${db.self_link}
    subnetwork: ${app.self_link}
    ports: [5432]
"""
    trials = {"allow_global_access": True}

    def place(self, spec: ForwardingRuleSpec, scope: Scope) -> str:
        return "global" if spec.location == "global" else f"regions/{scope.region}"

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        scheme = raw.get("loadBalancingScheme", "EXTERNAL")
        public, ports = scheme in _PUBLIC, [rules.ports(port) for port in raw.get("ports", ())]
        said = {
            "location": "global" if Path.read(raw["selfLink"]).place == "global" else "regional",
            "load_balancing_scheme": scheme,
            **{ours: bare(raw[_PLAIN[ours]]) if _PLAIN[ours] in raw else None for ours in self.references},
            "ip_protocol": raw.get("IPProtocol", "TCP"),
            "ports": ports,
            "all_ports": raw.get("allPorts", False),
            "port_range": rules.ports(raw["portRange"]) if "portRange" in raw and not ports else None,
            "allow_global_access": raw.get("allowGlobalAccess", False),
            "network_tier": raw.get("networkTier") if public else None,
            "description": descriptions.own(raw.get("description", "")),
        }
        # Only a network's own address can be asked for again: a public one is told as an output alone.
        said |= {} if public else {"ip_address": raw.get("IPAddress")}
        return self.seen(raw, said, {"ip_address": raw.get("IPAddress")})

    def body(self, call: Call[ForwardingRuleSpec]) -> dict[str, Any]:
        wanted = call.wanted
        inside = wanted.location == "regional" and wanted.load_balancing_scheme not in _PUBLIC
        said = {
            **{theirs: getattr(wanted, ours) for ours, theirs in _PLAIN.items()},
            "IPAddress": str(wanted.ip_address) if wanted.ip_address else None,
            "ports": list(wanted.ports) or None,
            "allPorts": wanted.all_ports or None,
            "allowGlobalAccess": wanted.allow_global_access if inside else None,
        }
        return {name: value for name, value in said.items() if value is not None}

    def steps(self, call: Call[ForwardingRuleSpec]) -> Iterator[Step]:
        """One patch, built on what was read a moment ago."""
        if self.changes(call, "allow_global_access"):
            said = {"allowGlobalAccess": call.wanted.allow_global_access}
            yield self.patching(call, {**said, "fingerprint": self.get(call)["fingerprint"]})

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The order of ports means nothing."""
        form = super().canonical(properties)
        if isinstance(form.get("ports"), list | tuple):
            form["ports"] = rules.ordered(form["ports"])
        return form

    def delete_label(self, live: Mapping[str, Any]) -> tuple[UndoLabel, str]:
        """Only an address of a network's own can be asked for by its number; of the others, one that is reserved."""
        if live.get("load_balancing_scheme") in _PUBLIC:
            return UndoLabel.lossy, _ANOTHER
        return UndoLabel.exact, ""

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Under the same name in the same place, or at the same address of one network."""
        return super().collides(before, after) or at_one_number(before, after, "ip_address")
