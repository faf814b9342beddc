"""Routes of a table, pure: one form for one meaning, and the calls that lead from one set to another, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

from holdfast.plan import canonical_json
from holdfast.values import freeze

# What a route leads through, by the prefix of its id: how CreateRoute takes it. Source: EC2 API reference, CreateRoute.
_TAKEN: Final[Mapping[str, str]] = {
    "igw": "GatewayId",
    "vgw": "GatewayId",
    "nat": "NatGatewayId",
    "i": "InstanceId",
    "eni": "NetworkInterfaceId",
    "tgw": "TransitGatewayId",
    "pcx": "VpcPeeringConnectionId",
    "eigw": "EgressOnlyInternetGatewayId",
    "cagw": "CarrierGatewayId",
    "lgw": "LocalGatewayId",
    "vpce": "VpcEndpointId",
}
_NETWORKS: Final[Mapping[str, str]] = {"core-network": "CoreNetworkArn", "odb-network": "OdbNetworkArn"}
PATTERN: Final = (
    rf"^({'|'.join(_TAKEN)})-[0-9a-f]+$|^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:\d*:({'|'.join(_NETWORKS)})/[A-Za-z0-9_-]+$"
)
# Where a described route may say it. An instance's route names its interface too: the instance comes first.
_SHOWN: Final = (
    "InstanceId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "CarrierGatewayId",
    "LocalGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
    "GatewayId",
    "NetworkInterfaceId",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One call about one route: `create`, `replace` or `delete`, and its arguments but for the table's."""

    verb: str
    arguments: Mapping[str, str]


def seen(routes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The routes that somebody wrote: neither the local ones, nor those that a VPN gateway or an endpoint keeps."""
    return [
        {"destination": destination(raw), "via": via}
        for raw in routes
        if raw.get("Origin", "CreateRoute") == "CreateRoute"
        for via in [next((raw[name] for name in _SHOWN if raw.get(name)), None)]
        if via not in {None, "local"} and not (str(via).startswith("vpce-") and raw.get("DestinationPrefixListId"))
    ]


def destination(raw: Mapping[str, Any]) -> str:
    """Where a described route leads to."""
    return str(
        raw.get("DestinationCidrBlock")
        or raw.get("DestinationIpv6CidrBlock")
        or raw.get("DestinationPrefixListId")
        or "somewhere"
    )


def canonical(routes: Iterable[Any]) -> list[Any]:
    """Sorted by destination, each block in its usual writing. What is not known yet stays as it is."""
    return unique({**r, "destination": _block(r.get("destination"))} if isinstance(r, dict) else r for r in routes)


def unique(members: Iterable[Any]) -> list[Any]:
    """Sorted, each once; also where some are not known yet."""
    by_text = {canonical_json(freeze(m)): m for m in members}
    return [by_text[text] for text in sorted(by_text)]


def members(value: Any) -> Iterator[Any]:
    """The members of what may not be a list yet."""
    if isinstance(value, list | tuple):
        yield from value


def steps(live: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The calls that make `wanted` of `live`, so that no packet ever takes a road that neither has for it.

    A packet follows the longest prefix that holds its destination. So what is new, or leads elsewhere, comes first,
    longest prefix first; then what goes, shortest prefix first. At every moment the table is a part of the new one that
    holds all its longer prefixes, above the old one; or the new one, above a part of the old one that holds all its
    longer prefixes. In both the longest match is one of the two that the packet has in the old and in the new. (What a
    prefix list holds is not known here: the promise is about blocks.)
    """
    before = {str(r["destination"]): str(r["via"]) for r in live}
    after = {str(r["destination"]): str(r["via"]) for r in wanted}
    write = [d for d in after if before.get(d) != after[d]]
    remove = [d for d in before if d not in after]
    return [
        *(
            Step("replace" if d in before else "create", {**_to(d), **_through(after[d])})
            for d in sorted(write, key=_length, reverse=True)
        ),
        *(Step("delete", _to(d)) for d in sorted(remove, key=_length)),
    ]


def _length(where: str) -> int:
    # A prefix list holds blocks of many lengths, which are not known here: it counts as the widest.
    return -1 if where.startswith("pl-") else ip_network(where).prefixlen


def _to(where: str) -> dict[str, str]:
    if where.startswith("pl-"):
        return {"DestinationPrefixListId": where}
    return {"DestinationIpv6CidrBlock" if ":" in where else "DestinationCidrBlock": where}


def _through(via: str) -> dict[str, str]:
    if via.startswith("arn:"):
        return {parameter: via for part, parameter in _NETWORKS.items() if f":{part}/" in via}
    return {_TAKEN[via.partition("-")[0]]: via}


def _block(where: Any) -> Any:
    try:
        return str(ip_network(where)) if isinstance(where, str) else where
    except ValueError:
        return where
