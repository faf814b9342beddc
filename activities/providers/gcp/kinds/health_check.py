"""`gcp.health_check`: how a load balancer, or a group of instances, finds out whether a machine answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from activities.providers.gcp import descriptions
from activities.providers.gcp.compute import ComputeKind, Step
from activities.providers.gcp.paths import NAME, Path
from holdfast.model import Scope, Spec
from holdfast.plan import Verb
from holdfast.resource import Call, Carrier, Observation, Output
from holdfast.values import is_opaque

# The field in which each type says its details.
_DETAILS: Final[Mapping[str, str]] = {
    "TCP": "tcpHealthCheck",
    "SSL": "sslHealthCheck",
    "HTTP": "httpHealthCheck",
    "HTTPS": "httpsHealthCheck",
    "HTTP2": "http2HealthCheck",
}
_ASKS: Final = frozenset({"HTTP", "HTTPS", "HTTP2"})


class HealthCheckSpec(Spec):
    """A question that is put to a machine again and again."""

    name: str = Field(pattern=NAME, description="unique in the project, and in the region unless it is global")
    location: Literal["global", "regional"] = Field(
        default="global", description="everywhere, or in the region of its scope, as regional load balancers need it"
    )
    type: Literal["TCP", "SSL", "HTTP", "HTTPS", "HTTP2"] = Field(default="TCP", description="how it is asked")
    port: int = Field(ge=1, le=65_535, description="where it is asked")
    request_path: str | None = Field(
        default=None, pattern=r"^/", description="of the HTTP types: what is asked for; `/` without"
    )
    host: str | None = Field(default=None, description="of the HTTP types: the Host header; the address without")
    check_interval_sec: int = Field(default=5, ge=1, le=300, description="seconds between two questions")
    timeout_sec: int = Field(default=5, ge=1, le=300, description="seconds that an answer may take")
    healthy_threshold: int = Field(default=2, ge=1, le=10, description="answers in a row until it counts as well")
    unhealthy_threshold: int = Field(default=2, ge=1, le=10, description="silences in a row until it counts as ill")
    description: str = Field(default="", max_length=1500, description="for people")

    @model_validator(mode="after")
    def _fits_together(self) -> HealthCheckSpec:
        if not is_opaque(self.type) and self.type not in _ASKS and (self.request_path or self.host):
            raise ValueError(f"request_path and host are of HTTP, HTTPS and HTTP2, and the type is {self.type}")
        known = not is_opaque(self.timeout_sec) and not is_opaque(self.check_interval_sec)
        if known and self.timeout_sec > self.check_interval_sec:
            raise ValueError("timeout_sec is at most check_interval_sec")
        return self


class HealthCheck(ComputeKind[HealthCheckSpec]):
    """A health check has no labels: its marks stand in its description, which a patch may write.

    Its type stays what it is, as what refers to it goes by that.

    Source: Compute Engine API v1, healthChecks and regionHealthChecks: insert, patch.
    """

    kind = "gcp.health_check"
    spec = HealthCheckSpec
    collection, argument = "healthChecks", "health_check"
    services = {"global": "health_checks", "regions": "region_health_checks"}
    carrier = Carrier.description
    outputs = {
        "id": Output("its path: projects/PROJECT/global/healthChecks/NAME, or regions/REGION/healthChecks/NAME"),
        "self_link": Output("its URL, which others refer to"),
        "name": Output("its name"),
    }
    immutable = frozenset({"name", "location", "type"})
    kept_in_use = "give the new one another name"
    permissions = {
        "observe": (
            "compute.healthChecks.get",
            "compute.regionHealthChecks.get",
            "compute.globalOperations.get",
            "compute.globalOperations.list",
            "compute.regionOperations.get",
            "compute.regionOperations.list",
        ),
        "discover": ("compute.healthChecks.list", "compute.regionHealthChecks.list"),
        "create": ("compute.healthChecks.create", "compute.regionHealthChecks.create"),
        "update": ("compute.healthChecks.update", "compute.regionHealthChecks.update"),
        "delete": ("compute.healthChecks.delete", "compute.regionHealthChecks.delete"),
        "adopt": ("compute.healthChecks.update", "compute.regionHealthChecks.update"),
        "disown": ("compute.healthChecks.update", "compute.regionHealthChecks.update"),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=10),
    }
    example = """
well:
  kind: gcp.health_check
  spec: {name: well, type: HTTP, port: 8080, request_path: /health, check_interval_sec: 10}
"""
    trials = {
        "port": 8081,
        "request_path": "/ready",
        "host": "shop.example",
        "check_interval_sec": 20,
        "timeout_sec": 9,
        "healthy_threshold": 3,
        "unhealthy_threshold": 4,
        "description": "asks the shop",
    }

    _PLAIN = {
        "check_interval_sec": "checkIntervalSec",
        "timeout_sec": "timeoutSec",
        "healthy_threshold": "healthyThreshold",
        "unhealthy_threshold": "unhealthyThreshold",
    }

    def place(self, spec: HealthCheckSpec, scope: Scope) -> str:
        return "global" if spec.location == "global" else f"regions/{scope.region}"

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        details = raw.get(_DETAILS.get(raw["type"], ""), {})
        said = {
            "location": "global" if Path.read(raw["selfLink"]).place == "global" else "regional",
            "type": raw["type"],
            "request_path": details.get("requestPath"),
            "host": details.get("host") or None,
            **{ours: raw[theirs] for ours, theirs in self._PLAIN.items()},
            "description": descriptions.own(raw.get("description", "")),
        }
        return self.seen(raw, said | ({"port": details["port"]} if "port" in details else {}))

    def body(self, call: Call[HealthCheckSpec]) -> dict[str, Any]:
        wanted = call.wanted
        return {
            "type": wanted.type,
            _DETAILS[wanted.type]: self._details(wanted),
            **{theirs: getattr(wanted, ours) for ours, theirs in self._PLAIN.items()},
        }

    @staticmethod
    def _details(wanted: HealthCheckSpec) -> dict[str, Any]:
        asks = {"requestPath": wanted.request_path or "/", "host": wanted.host or ""} if wanted.type in _ASKS else {}
        return {"port": wanted.port, **asks}

    def steps(self, call: Call[HealthCheckSpec]) -> Iterator[Step]:
        """One patch of all that changes."""
        new: dict[str, Any] = {theirs: getattr(call.wanted, ours) for ours, theirs in self._plain_changes(call)}
        details = self._details(call.wanted)
        theirs = {"port": "port", "request_path": "requestPath", "host": "host"}
        changed = {theirs[field]: details[theirs[field]] for field in theirs if self.changes(call, field)}
        if changed:
            new[_DETAILS[call.wanted.type]] = changed
        if self.changes(call, "description"):
            new["description"] = self.reworded(self.get(call), call.wanted.description)
        if new:
            yield self.patching(call, new)

    def _plain_changes(self, call: Call[HealthCheckSpec]) -> Iterator[tuple[str, str]]:
        yield from ((ours, theirs) for ours, theirs in self._PLAIN.items() if self.changes(call, ours))
