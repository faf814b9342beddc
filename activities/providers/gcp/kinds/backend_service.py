"""`gcp.backend_service`: whom a load balancer hands its connections to, and how it shares them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from activities.providers.gcp import descriptions
from activities.providers.gcp.compute import ComputeKind, Step
from activities.providers.gcp.paths import NAME, Path, bare, reference
from activities.providers.gcp.rules import ordered
from holdfast.model import Scope, Spec
from holdfast.plan import Verb
from holdfast.resource import Call, Carrier, Observation, Output
from holdfast.values import is_opaque

_MAY_BE_USED: Final = 0.8  # the utilization that a group is filled to, where nobody says another
_ASKS: Final = frozenset({"HTTP", "HTTPS", "HTTP2", "GRPC"})
_PASSES: Final = frozenset({"TCP", "UDP", "UNSPECIFIED"})
_MODES: Final[Mapping[str, frozenset[str]]] = {
    "asks": frozenset({"UTILIZATION", "RATE"}),
    "streams": frozenset({"UTILIZATION", "CONNECTION"}),
}
# What a mode counts by, in our words and in Compute's.
_LIMITS: Final[Mapping[str, Mapping[str, str]]] = {
    "UTILIZATION": {"max_utilization": "maxUtilization"},
    "RATE": {"max_rate": "maxRate", "max_rate_per_instance": "maxRatePerInstance"},
    "CONNECTION": {"max_connections": "maxConnections", "max_connections_per_instance": "maxConnectionsPerInstance"},
}
_LIMIT: Final = {ours: theirs for limits in _LIMITS.values() for ours, theirs in limits.items()}


class Backend(Spec):
    """A group that takes connections, and how much of them."""

    group: str = Field(
        pattern=reference("(instanceGroups|networkEndpointGroups)"),
        description="the group, as the `instance_group` of a gcp.instance_group_manager",
    )
    balancing_mode: Literal["CONNECTION", "RATE", "UTILIZATION"] = Field(
        default="CONNECTION", description="what is counted; of the passthrough load balancers CONNECTION alone"
    )
    max_connections: int | None = Field(default=None, ge=1, description="of CONNECTION: that the whole group takes")
    max_connections_per_instance: int | None = Field(
        default=None, ge=1, description="of CONNECTION: that each of its instances takes"
    )
    max_rate: int | None = Field(default=None, ge=1, description="of RATE: requests a second that the group takes")
    max_rate_per_instance: float | None = Field(
        default=None, gt=0, description="of RATE: requests a second that each of its instances takes"
    )
    max_utilization: float | None = Field(
        default=None, gt=0, le=1, description="of UTILIZATION: the share of its CPUs it is filled to; 0.8 without"
    )
    capacity_scaler: float = Field(
        default=1.0, ge=0, le=1, description="the share of all that which it takes; 0 empties it. Not of passthrough"
    )
    failover: bool = Field(default=False, description="of passthrough: only takes what no other group can")


class ConnectionDraining(Spec):
    """What becomes of the connections of an instance that leaves."""

    draining_timeout_sec: int = Field(
        default=300, ge=0, le=3600, description="seconds that they are given to end; 0 cuts them off"
    )


class BackendServiceSpec(Spec):
    """A service. It is one of a network's own unless it says otherwise."""

    name: str = Field(pattern=NAME, description="unique in the project, and in the region unless it is global")
    location: Literal["regional", "global"] = Field(
        default="regional", description="in the region of its scope, or everywhere"
    )
    load_balancing_scheme: Literal[
        "INTERNAL", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED", "EXTERNAL", "EXTERNAL_MANAGED"
    ] = Field(default="INTERNAL", description="which load balancer it is of; those of EXTERNAL ones can be public")
    protocol: Literal["TCP", "UDP", "UNSPECIFIED", "SSL", "HTTP", "HTTPS", "HTTP2", "GRPC"] = Field(
        default="TCP", description="how its backends are spoken to; TCP, UDP or UNSPECIFIED of passthrough"
    )
    port_name: str | None = Field(
        default=None, pattern=NAME, description="the named port of its groups; `http` without. Not of passthrough"
    )
    health_checks: list[str] = Field(
        default_factory=list, max_length=1, description="how its backends are found to be well, by the `self_link`"
    )
    backends: list[Backend] = Field(default_factory=list, description="the groups that take its connections")
    timeout_sec: int = Field(default=30, ge=1, description="seconds that a backend may take for an answer")
    session_affinity: Literal[
        "NONE",
        "CLIENT_IP",
        "CLIENT_IP_NO_DESTINATION",
        "CLIENT_IP_PORT_PROTO",
        "CLIENT_IP_PROTO",
        "GENERATED_COOKIE",
    ] = Field(default="NONE", description="what is handed to the same instance again")
    connection_draining: ConnectionDraining = Field(
        default_factory=ConnectionDraining, description="how instances that leave are emptied"
    )
    description: str = Field(default="", max_length=1500, description="for people")

    @model_validator(mode="after")
    def _fits_together(self) -> BackendServiceSpec:
        if any(is_opaque(v) for v in (self.location, self.load_balancing_scheme, self.protocol)):
            return self
        if self.location == "global" and self.load_balancing_scheme == "INTERNAL":
            raise ValueError("INTERNAL is regional; a global one of a network's own is INTERNAL_MANAGED")
        if self.location == "regional" and self.load_balancing_scheme == "INTERNAL_SELF_MANAGED":
            raise ValueError("INTERNAL_SELF_MANAGED is global")
        passes = _passthrough(self.location, self.load_balancing_scheme)
        if passes != (self.protocol in _PASSES) and not (self.protocol == "TCP" and not passes):
            of = "TCP, UDP or UNSPECIFIED" if passes else "TCP, SSL, HTTP, HTTPS, HTTP2 or GRPC"
            raise ValueError(f"{self.location} {self.load_balancing_scheme} is of {of}, not of {self.protocol}")
        if passes and self.port_name:
            raise ValueError("a passthrough load balancer leaves ports as they are: no port_name")
        for backend in () if is_opaque(self.backends) else self.backends:
            _check(backend, self.protocol, passes=passes)
        return self


def _passthrough(location: str, scheme: str) -> bool:
    """Whether packets reach the instances as they are, with no proxy between."""
    return location == "regional" and scheme in {"INTERNAL", "EXTERNAL"}


def _check(backend: Backend, protocol: str, *, passes: bool) -> None:
    if is_opaque(backend) or any(is_opaque(getattr(backend, field)) for field in Backend.model_fields):
        return
    mode, said = backend.balancing_mode, {f for f in _LIMIT if getattr(backend, f) is not None}
    if passes:
        if mode != "CONNECTION" or said or backend.capacity_scaler != 1:
            raise ValueError("a backend of passthrough counts by CONNECTION, without a limit or a capacity_scaler")
        return
    may = _MODES["asks" if protocol in _ASKS else "streams"]
    if mode not in may:
        raise ValueError(f"a backend that speaks {protocol} counts by {' or '.join(sorted(may))}: say balancing_mode")
    if backend.failover:
        raise ValueError("failover is of passthrough load balancers")
    if said - {*_LIMITS[mode]}:
        raise ValueError(f"{', '.join(sorted(said - {*_LIMITS[mode]}))}: not of balancing_mode {mode}")
    if mode != "UTILIZATION" and len(said) != 1:
        raise ValueError(f"of balancing_mode {mode}, say one of {' and '.join(_LIMITS[mode])}")


class BackendService(ComputeKind[BackendServiceSpec]):
    """A backend service has no labels: its marks stand in its description, which a patch may write.

    Its groups and health checks are written whole, onto what was read a moment ago, which the fingerprint says.

    Source: Compute Engine API v1, backendServices and regionBackendServices: insert, patch, update; Cloud Load
    Balancing, "Backend services overview", on balancing modes.
    """

    kind = "gcp.backend_service"
    spec = BackendServiceSpec
    collection, argument = "backendServices", "backend_service"
    services = {"regions": "region_backend_services", "global": "backend_services"}
    carrier = Carrier.description
    outputs = {
        "id": Output("its path: projects/PROJECT/regions/REGION/backendServices/NAME, or global/backendServices/NAME"),
        "self_link": Output("its URL, which forwarding rules refer to"),
        "name": Output("its name"),
    }
    immutable = frozenset({"name", "location", "load_balancing_scheme"})
    _USES = (
        "compute.healthChecks.useReadOnly",
        "compute.regionHealthChecks.useReadOnly",
        "compute.instanceGroups.use",
        "compute.networkEndpointGroups.use",
    )
    permissions = {
        "observe": (
            "compute.backendServices.get",
            "compute.regionBackendServices.get",
            "compute.globalOperations.get",
            "compute.globalOperations.list",
            "compute.regionOperations.get",
            "compute.regionOperations.list",
        ),
        "discover": ("compute.backendServices.list", "compute.regionBackendServices.list"),
        "create": ("compute.backendServices.create", "compute.regionBackendServices.create", *_USES),
        "update": ("compute.backendServices.update", "compute.regionBackendServices.update", *_USES),
        "delete": ("compute.backendServices.delete", "compute.regionBackendServices.delete"),
        "adopt": ("compute.backendServices.update", "compute.regionBackendServices.update"),
        "disown": ("compute.backendServices.update", "compute.regionBackendServices.update"),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=10),
    }
    example = """
net: {kind: gcp.network, spec: {name: net}}
app: {kind: gcp.subnetwork, spec: {name: app, network: "${net.self_link}", ip_cidr_range: 10.0.0.0/24}}
one:
  kind: gcp.instance_template
  spec:
    name: web-1
    machine_type: e2-small
    image: projects/debian-cloud/global/images/debian-12-bookworm-v20240910
    subnetwork: ${app.self_link}
web:
  kind: gcp.instance_group_manager
  spec: {name: web, zone: us-central1-a, instance_template: "${one.self_link}", target_size: 0}
well:
  kind: gcp.health_check
  spec: {name: well, location: regional, type: HTTP, port: 8080, request_path: /health}
ready:
  kind: gcp.health_check
  spec: {name: ready, location: regional, type: HTTP, port: 8080, request_path: /ready}
shop:
  kind: gcp.backend_service
  spec:
    name: shop
    load_balancing_scheme: INTERNAL_MANAGED
    protocol: HTTP
    health_checks: ["${well.self_link}"]
    backends: [{group: "${web.instance_group}", balancing_mode: UTILIZATION}]
"""
    trials = {
        "protocol": "HTTPS",
        "port_name": "admin",
        "health_checks": ["${ready.self_link}"],
        "backends": [],
        "timeout_sec": 60,
        "session_affinity": "CLIENT_IP",
        "connection_draining": {"draining_timeout_sec": 60},
        "description": "the shop's own",
    }

    _PLAIN = {
        "protocol": "protocol",
        "port_name": "portName",
        "timeout_sec": "timeoutSec",
        "session_affinity": "sessionAffinity",
    }
    _WHOLE = {"health_checks": "healthChecks", "backends": "backends", "connection_draining": "connectionDraining"}

    def place(self, spec: BackendServiceSpec, scope: Scope) -> str:
        return "global" if spec.location == "global" else f"regions/{scope.region}"

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        location = "global" if Path.read(raw["selfLink"]).place == "global" else "regional"
        scheme = raw.get("loadBalancingScheme", "EXTERNAL")
        said = {
            "location": location,
            "load_balancing_scheme": scheme,
            "protocol": raw.get("protocol", "TCP"),
            "port_name": None if _passthrough(location, scheme) else raw.get("portName", "http"),
            "health_checks": [bare(link) for link in raw.get("healthChecks", ())],
            "backends": [_seen(one) for one in raw.get("backends", ())],
            "timeout_sec": raw.get("timeoutSec", 30),
            "session_affinity": raw.get("sessionAffinity", "NONE"),
            "connection_draining": {
                "draining_timeout_sec": raw.get("connectionDraining", {}).get("drainingTimeoutSec", 0)
            },
            "description": descriptions.own(raw.get("description", "")),
        }
        return self.seen(raw, said)

    def body(self, call: Call[BackendServiceSpec]) -> dict[str, Any]:
        said = {"loadBalancingScheme": call.wanted.load_balancing_scheme, **self._said(call.wanted)}
        return {name: value for name, value in said.items() if value not in ([], None)}

    def _said(self, wanted: BackendServiceSpec) -> dict[str, Any]:
        """All that may change, in Compute's words."""
        passes = _passthrough(wanted.location, wanted.load_balancing_scheme)
        return {
            **{theirs: getattr(wanted, ours) for ours, theirs in self._PLAIN.items()},
            "healthChecks": list(wanted.health_checks),
            "backends": [_sent(one, passes=passes) for one in wanted.backends],
            "connectionDraining": {"drainingTimeoutSec": wanted.connection_draining.draining_timeout_sec},
        }

    def steps(self, call: Call[BackendServiceSpec]) -> Iterator[Step]:
        """A patch; where something is to be emptied, which no patch can, the whole service with the changes."""
        said = self._said(call.wanted)
        names = {**self._PLAIN, **self._WHOLE}
        new = {theirs: said[theirs] for ours, theirs in names.items() if self.changes(call, ours)}
        raw = self.get(call)
        if self.changes(call, "description"):
            new["description"] = self.reworded(raw, call.wanted.description)
        if any(value in ([], None) for value in new.values()):
            whole = {name: value for name, value in {**raw, **new}.items() if value not in ([], None)}
            yield self.asking(call, "update", whole)
        elif new:
            yield self.patching(call, {**new, "fingerprint": raw["fingerprint"]})

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """References as paths; the order of groups means nothing, and neither do limits that nobody says."""
        form = super().canonical(properties)
        if isinstance(form.get("health_checks"), list | tuple):
            form["health_checks"] = ordered(bare(v) if isinstance(v, str) else v for v in form["health_checks"])
        if isinstance(form.get("backends"), list | tuple):
            form["backends"] = ordered(_canonical(one) for one in form["backends"])
        return form


def _sent(backend: Backend, *, passes: bool) -> dict[str, Any]:
    """As Compute takes it. Of a group it wants the whole link."""
    said: dict[str, Any] = {
        "group": Path.read(backend.group).link,
        "balancingMode": backend.balancing_mode,
        "failover": backend.failover or None,
        "capacityScaler": None if passes else backend.capacity_scaler,
        **{theirs: getattr(backend, ours) for ours, theirs in _LIMIT.items()},
    }
    return {name: value for name, value in said.items() if value is not None}


def _seen(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `_sent`."""
    said: dict[str, Any] = {
        "group": bare(raw["group"]),
        "balancing_mode": raw.get("balancingMode", "UTILIZATION"),
        "failover": raw.get("failover", False),
        "capacity_scaler": raw.get("capacityScaler", 1.0),
        **{ours: raw[theirs] for ours, theirs in _LIMIT.items() if theirs in raw},
    }
    form: dict[str, Any] = _canonical(said)
    return form


def _canonical(backend: Any) -> Any:
    """With the limits that stand, and every default said. What is not known yet stands as it is."""
    if not isinstance(backend, Mapping):
        return backend
    form: dict[str, Any] = {"balancing_mode": "CONNECTION", "failover": False, "capacity_scaler": 1.0}
    form |= {name: value for name, value in backend.items() if value is not None}
    if isinstance(form.get("group"), str):
        form["group"] = bare(form["group"])
    if form["balancing_mode"] == "UTILIZATION":
        form.setdefault("max_utilization", _MAY_BE_USED)
    return form
