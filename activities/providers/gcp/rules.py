"""What a firewall rule matches, pure: how it is written, and one form for one meaning.

Source: Compute Engine API v1, firewalls: `allowed[].IPProtocol` ("tcp, udp, icmp, esp, ah, ipip, sctp, or the IP
protocol number") and `ports`; `sourceRanges`, which come back as they were sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, model_validator

from holdfast.model import Spec
from holdfast.values import freeze, is_opaque

_NAMED: Final[Mapping[str, str]] = {
    "1": "icmp",
    "4": "ipip",
    "6": "tcp",
    "17": "udp",
    "50": "esp",
    "51": "ah",
    "132": "sctp",
}
_PORTED: Final = frozenset({"tcp", "udp", "sctp"})
_LAST_PORT: Final = 65_535
_LAST_PROTOCOL: Final = 255


def protocol(value: Any) -> Any:
    """By its name in lower case where it has one, `all` among them; a number for any other."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    text = _NAMED.get(str(value).strip().lower(), str(value).strip().lower())
    if text in {"all", *_NAMED.values()} or (text.isdecimal() and int(text) <= _LAST_PROTOCOL):
        return text
    raise ValueError("expected tcp, udp, icmp, esp, ah, ipip, sctp, all, or a protocol's number up to 255")


def ports(value: Any) -> Any:
    """`443`, or `8000-8010`."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    first, dash, last = (part.strip() for part in str(value).partition("-"))
    last = last if dash else first
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= _LAST_PORT):
        raise ValueError("expected a port, or a range of them as in 8000-8010, up to 65535")
    return f"{int(first)}-{int(last)}" if int(first) != int(last) else str(int(first))


def network(value: Any) -> Any:
    """Addresses, as in 10.0.0.0/8; one address alone is a /32, or a /128."""
    return str(ip_network(value.strip())) if isinstance(value, str) else value


Ports = Annotated[str, BeforeValidator(ports, json_schema_input_type=int | str)]
Range = Annotated[str, BeforeValidator(network)]


class Match(Spec):
    """A protocol, and the ports of it."""

    ip_protocol: Annotated[str, BeforeValidator(protocol, json_schema_input_type=int | str)] = Field(
        description="tcp, udp, icmp, esp, ah, ipip, sctp, all, or a protocol's number"
    )
    ports: list[Ports] = Field(default_factory=list, description="as in 443 or 8000-8010; every port without")

    @model_validator(mode="after")
    def _has_ports(self) -> Match:
        if not is_opaque(self.ip_protocol) and self.ports and self.ip_protocol not in _PORTED:
            raise ValueError(f"{self.ip_protocol} has no ports")
        return self


def sent(matches: Iterable[Match]) -> list[dict[str, Any]]:
    """As Compute takes them."""
    return [{"IPProtocol": m.ip_protocol, **({"ports": list(m.ports)} if m.ports else {})} for m in matches]


def shown(matches: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The inverse of `sent`."""
    return [
        {"ip_protocol": protocol(m["IPProtocol"]), "ports": [ports(p) for p in m.get("ports", ())]} for m in matches
    ]


def canonical(matches: Iterable[Any]) -> list[Any]:
    """Each once, in order, its ports too. What is not known yet stands as it is."""
    found: dict[str, Any] = {}
    for match in matches:
        form = match
        if isinstance(match, Mapping) and not any(is_opaque(v) for v in match.values()):
            form = {"ip_protocol": match["ip_protocol"], "ports": ordered(match.get("ports") or ())}
        found[str(freeze(form))] = form
    return [found[key] for key in sorted(found)]


def ordered(values: Iterable[Any]) -> list[Any]:
    """Each once, in order, whatever stands in it."""
    return list({str(freeze(v)): v for v in sorted(values, key=lambda v: str(freeze(v)))}.values())
