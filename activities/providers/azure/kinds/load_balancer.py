"""`azure.load_balancer`: one address before many machines; a private one, unless the document names a public one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any, Final, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from activities.providers.azure import arm, bodies, ids, tags
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.kinds.virtual_network import NAME
from activities.providers.azure.tags import Tags
from holdfast.model import Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Output
from holdfast.values import has_unknown

TYPE: Final = "Microsoft.Network/loadBalancers"
JOINS: Final = arm.joins("virtualNetworks/subnets", "publicIPAddresses")
THEIRS: Final = arm.joins("virtualNetworks")  # of addresses that others have put in a pool: an update writes them back
FRONTENDS, POOLS = "frontend_ip_configurations", "backend_address_pools"
PROBES, RULES = "probes", "load_balancing_rules"
LISTS: Final = {
    FRONTENDS: "frontendIPConfigurations",
    POOLS: "backendAddressPools",
    PROBES: "probes",
    RULES: "loadBalancingRules",
}
# Fields of a probe and of a rule, where ARM has them, and what they are where it says nothing.
_OF_PROBE: Final[Mapping[str, tuple[str, JsonValue]]] = {
    "protocol": ("protocol", None),
    "port": ("port", None),
    "request_path": ("requestPath", None),
    "interval_in_seconds": ("intervalInSeconds", 15),
    "probe_threshold": ("probeThreshold", 1),
}
_OF_RULE: Final[Mapping[str, tuple[str, JsonValue]]] = {
    "protocol": ("protocol", None),
    "frontend_port": ("frontendPort", None),
    "backend_port": ("backendPort", None),
    "idle_timeout_in_minutes": ("idleTimeoutInMinutes", 4),
    "enable_tcp_reset": ("enableTcpReset", False),
    "enable_floating_ip": ("enableFloatingIP", False),
    "disable_outbound_snat": ("disableOutboundSnat", False),
    "load_distribution": ("loadDistribution", "Default"),
}
_REFERS: Final = {  # from a rule to its balancer's other lists
    "frontend_ip_configuration": ("frontendIPConfiguration", FRONTENDS),
    "backend_address_pool": ("backendAddressPool", POOLS),
    "probe": ("probe", PROBES),
}


class Frontend(Spec):
    """An address at which it answers: in a subnet, or a public one."""

    name: str = Field(min_length=1, max_length=80, pattern=NAME, description="unique in its balancer")
    subnet: str | None = Field(default=None, description="the id of the subnet that its private address is in")
    private_ip_address: IPv4Address | None = Field(
        default=None, description="its address there; without, Azure picks one, and it stays"
    )
    public_ip_address: str | None = Field(default=None, description="the id of a public address, instead of a subnet")

    @model_validator(mode="after")
    def _one_of_two(self) -> Frontend:
        if (self.subnet is None) == (self.public_ip_address is None):
            raise ValueError(f"frontend {self.name} needs a subnet or a public_ip_address, and one of them only")
        return self


class Probe(Spec):
    """How a machine is found to be well."""

    name: str = Field(min_length=1, max_length=80, pattern=NAME, description="unique in its balancer")
    protocol: Literal["Tcp", "Http", "Https"] = Field(description="Tcp, Http or Https")
    port: int = Field(ge=1, le=65_535, description="of the machine")
    request_path: str | None = Field(default=None, description="of Http and Https: what has to answer 200")
    interval_in_seconds: int = Field(default=15, ge=5, description="from one look to the next")
    probe_threshold: int = Field(default=1, ge=1, le=100, description="looks in a row that it takes to change its mind")


class Rule(Spec):
    """What goes where."""

    name: str = Field(min_length=1, max_length=80, pattern=NAME, description="unique in its balancer")
    frontend_ip_configuration: str = Field(description="the name of one of the frontends")
    backend_address_pool: str = Field(description="the name of one of the pools")
    probe: str | None = Field(default=None, description="the name of one of the probes; without, all get their share")
    protocol: Literal["Tcp", "Udp", "All"] = Field(description="Tcp, Udp, or All with both ports 0")
    frontend_port: int = Field(ge=0, le=65_535, description="where it is asked")
    backend_port: int = Field(ge=0, le=65_535, description="where the machine answers")
    idle_timeout_in_minutes: int = Field(default=4, ge=4, le=100, description="after which a silent connection is cut")
    enable_tcp_reset: bool = Field(default=True, description="tell both ends when it is")
    enable_floating_ip: bool = Field(default=False, description="leave the frontend's address on the packets")
    disable_outbound_snat: bool = Field(
        default=True, description="give the pool no way out through the frontend's public address"
    )
    load_distribution: Literal["Default", "SourceIP", "SourceIPProtocol"] = Field(
        default="Default", description="what keeps going to the same machine: a connection, or a client"
    )


class LoadBalancerSpec(Spec):
    """A balancer of the Standard kind. Who is in its pools is said by interfaces and scale sets."""

    name: str = Field(min_length=1, max_length=80, pattern=NAME, description="unique in its resource group")
    resource_group: str = Field(min_length=1, max_length=90, description=arm.OF_GROUP)
    frontend_ip_configurations: list[Frontend] = Field(min_length=1, description="the addresses at which it answers")
    backend_address_pools: list[str] = Field(
        default_factory=list, description="names; one's id is ${balancer.id}/backendAddressPools/NAME"
    )
    probes: list[Probe] = Field(default_factory=list, description="all of them: another hand's are taken away")
    load_balancing_rules: list[Rule] = Field(
        default_factory=list, description="all of them: another hand's are taken away"
    )
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)

    @field_validator(*LISTS)
    @classmethod
    def _one_of_each(cls, value: Any) -> Any:
        names = [str(getattr(one, "name", one)).lower() for one in value] if isinstance(value, list) else []
        if len(set(names)) < len(names) and not has_unknown(value):
            raise ValueError("two have the same name")
        return value


class LoadBalancer(ArmKind[LoadBalancerSpec]):
    """It is one resource of ARM's, with its parts: each list is written whole, and the others as they were read.

    A part that stays keeps what the document cannot say of it, as the addresses that others put into a pool.
    Source: Load Balancer REST, "Load Balancers - Create Or Update".
    """

    kind = "azure.load_balancer"
    spec = LoadBalancerSpec
    outputs = arm.outputs(
        private_ip_address=Output("of the first frontend that has one; null where all are public", stable=False)
    )
    immutable = frozenset({"name", "resource_group"})
    kept_in_use = arm.ANOTHER_NAME
    delete_undo = UndoLabel.lossy
    delete_note = (
        "which interfaces others had put in its pools, their rules, and a private address that was Azure's to choose"
    )
    permissions = arm.granted(TYPE, create=JOINS, update=(*JOINS, *THEIRS))
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=20),  # it may wait for a scale set to go
    }
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
out: {kind: azure.public_ip, spec: {name: out, resource_group: "${shop.name}"}}
net:
  kind: azure.virtual_network
  spec: {name: net, resource_group: "${shop.name}", address_space: [10.0.0.0/16]}
app:
  kind: azure.subnet
  spec: {name: app, virtual_network: "${net.id}", address_prefixes: [10.0.1.0/24]}
web:
  kind: azure.load_balancer
  spec:
    name: web
    resource_group: ${shop.name}
    frontend_ip_configurations: [{name: inside, subnet: "${app.id}"}]
    backend_address_pools: [app]
    probes: [{name: well, protocol: Http, port: 8080, request_path: /well}]
    load_balancing_rules:
      - name: http
        frontend_ip_configuration: inside
        backend_address_pool: app
        probe: well
        protocol: Tcp
        frontend_port: 80
        backend_port: 8080
"""
    trials = {
        FRONTENDS: [
            {"name": "inside", "subnet": "${app.id}", "private_ip_address": "10.0.1.20"},
            {"name": "outside", "public_ip_address": "${out.id}"},
        ],
        POOLS: ["more", "app"],
        PROBES: [{"name": "well", "protocol": "Tcp", "port": 8081, "interval_in_seconds": 5, "probe_threshold": 2}],
        RULES: [
            {
                "name": "http",
                "frontend_ip_configuration": "inside",
                "backend_address_pool": "app",
                "protocol": "Tcp",
                "frontend_port": 8000,
                "backend_port": 8081,
                "idle_timeout_in_minutes": 10,
                "enable_tcp_reset": False,
                "disable_outbound_snat": False,
                "load_distribution": "SourceIP",
            }
        ],
        "tags": {"team": "shop"},
    }

    service, arm_type = "network", TYPE
    places = {field: f"properties.{at}" for field, at in LISTS.items()}

    # --- reading -----------------------------------------------------------------------------------------------

    def shown(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        def listed(field: str) -> list[tuple[str, dict[str, Any]]]:
            return [(one["name"], one.get("properties") or {}) for one in bodies.at(raw, self.places[field]) or ()]

        return {
            FRONTENDS: [_frontend(name, said) for name, said in listed(FRONTENDS)],
            POOLS: [name for name, _ in listed(POOLS)],
            PROBES: [{"name": name} | _seen(said, _OF_PROBE) for name, said in listed(PROBES)],
            RULES: [_rule(name, said) for name, said in listed(RULES)],
        }

    def given(self, raw: Mapping[str, Any]) -> dict[str, JsonValue]:
        fronts = bodies.at(raw, self.places[FRONTENDS]) or ()
        private = (bodies.at(one, "properties.privateIPAddress") for one in fronts)
        return {"private_ip_address": next((address for address in private if address), None)}

    # --- changing ----------------------------------------------------------------------------------------------

    def body(self, call: Call[LoadBalancerSpec]) -> dict[str, Any]:
        """Its parts refer to each other by ids, which begin with its own."""
        whole = super().body(call)
        whole["sku"] = {"name": "Standard", "tier": "Regional"}
        for rule in whole["properties"].get(LISTS[RULES]) or ():
            _refer(rule["properties"], self.path(call.scope, call.wanted))
        return whole

    def write(self, body: dict[str, Any], field: str, value: JsonValue) -> None:
        if field not in LISTS or not isinstance(value, list):
            super().write(body, field, value)
            return
        standing = {
            one["name"].lower(): one.get("properties") or {} for one in bodies.at(body, self.places[field]) or ()
        }
        new: list[dict[str, Any]] = []
        for one in value:
            said: dict[str, Any] = one if isinstance(one, dict) else {"name": one}
            was = dict(standing.get(str(said["name"]).lower(), {}))
            new.append({"name": said["name"], "properties": _written(field, said, was)})
        bodies.put(body, self.places[field], new)
        if field == RULES and "id" in body:
            for rule in new:
                _refer(rule["properties"], body["id"])

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Each list by name; ids in small letters."""
        form = super().canonical(properties)
        for field in LISTS.keys() & form.keys():
            if isinstance(form[field], list) and not has_unknown(form[field]):
                form[field] = sorted((_canonical(one) for one in form[field]), key=_name)
        return form


def _name(one: Any) -> str:
    return str(one["name"] if isinstance(one, dict) else one)


def _canonical(one: Any) -> Any:
    if not isinstance(one, dict):
        return one
    known = {key: one.get(key) for key in ("subnet", "public_ip_address")}
    return one | {key: ids.canonical(value) for key, value in known.items() if isinstance(value, str)}


def _seen(said: Mapping[str, Any], names: Mapping[str, tuple[str, JsonValue]]) -> dict[str, Any]:
    return {ours: unsaid if said.get(theirs) is None else said[theirs] for ours, (theirs, unsaid) in names.items()}


def _frontend(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """An address that Azure picked is nobody's wish."""
    static = str(said.get("privateIPAllocationMethod")).lower() == "static"
    return {
        "name": name,
        "subnet": bodies.at(said, "subnet.id"),
        "private_ip_address": said.get("privateIPAddress") if static else None,
        "public_ip_address": bodies.at(said, "publicIPAddress.id"),
    }


def _rule(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    refers = {ours: bodies.at(said, f"{theirs}.id") for ours, (theirs, _) in _REFERS.items()}
    names = {ours: id_ and str(id_).rpartition("/")[2] for ours, id_ in refers.items()}
    return {"name": name, **names, **_seen(said, _OF_RULE)}


def _written(field: str, one: Mapping[str, Any], was: dict[str, Any]) -> dict[str, Any]:
    """A part as ARM takes it, over what stands of it. What a rule refers to is written by name: see `_refer`."""
    match field:
        case "frontend_ip_configurations":
            fixed = one.get("private_ip_address")
            new = {
                "subnet": one.get("subnet") and {"id": one["subnet"]},
                "publicIPAddress": one.get("public_ip_address") and {"id": one["public_ip_address"]},
                "privateIPAddress": fixed,
                "privateIPAllocationMethod": "Static" if fixed else "Dynamic",
            }
        case "probes":
            new = {theirs: one.get(ours) for ours, (theirs, _) in _OF_PROBE.items()}
        case "load_balancing_rules":
            new = {theirs: one.get(ours) for ours, (theirs, _) in _OF_RULE.items()}
            new |= {theirs: one.get(ours) for ours, (theirs, _) in _REFERS.items()}
            new["backendAddressPools"] = None  # the same pool once more, in answers of newer versions
        case _:
            new = {}
    return {key: value for key, value in {**was, **new}.items() if value is not None}


def _refer(rule: dict[str, Any], balancer: str) -> None:
    """Names to ids."""
    for theirs, field in _REFERS.values():
        if isinstance(rule.get(theirs), str):
            rule[theirs] = {"id": f"{balancer}/{LISTS[field]}/{rule[theirs]}"}
