"""`gcp.firewall`: what the laws cannot see of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.providers.gcp.kinds.firewall import Firewall, FirewallSpec
from activities.providers.gcp.rules import canonical, network, ports, protocol
from holdfast.diff import three_way
from holdfast.model import Scope

KIND = Firewall()
NET = "projects/a-project/global/networks/net"
WEB: dict[str, Any] = {
    "name": "web",
    "network": NET,
    "rules": [{"ip_protocol": "tcp", "ports": ["443"]}],
    "source_ranges": ["10.0.0.0/8"],
}


def spec(**more: Any) -> dict[str, Any]:
    return KIND.canonical(FirewallSpec.model_validate({**WEB, **more}).plain())


def test_one_meaning_has_one_form() -> None:
    """Order, numbers of protocols, single addresses and links mean what their canonical forms do."""
    one = spec(
        network=f"https://www.googleapis.com/compute/v1/{NET}",
        rules=[{"ip_protocol": "UDP", "ports": ["53"]}, {"ip_protocol": 6, "ports": [443, "80-80"]}],
        source_ranges=["10.0.0.1", "192.168.0.0/16"],
    )
    other = spec(
        network=f"https://compute.googleapis.com/compute/v1/{NET}",
        rules=[{"ip_protocol": "tcp", "ports": ["80", "443"]}, {"ip_protocol": "17", "ports": ["53", 53]}],
        source_ranges=["192.168.0.0/16", "10.0.0.1/32"],
    )
    assert one == other
    assert three_way(KIND, one, None, other) == ()


def test_forms_of_their_own() -> None:
    assert (protocol("ESP"), protocol(132), protocol("all"), protocol(2)) == ("esp", "sctp", "all", "2")
    assert (ports("8000-8010"), ports(80)) == ("8000-8010", "80")
    assert (network("::1"), network("10.0.0.0/8")) == ("::1/128", "10.0.0.0/8")
    assert canonical([{"ip_protocol": "icmp"}, {"ip_protocol": "icmp", "ports": []}]) == [
        {"ip_protocol": "icmp", "ports": []}
    ]
    for wrong in ("tpc", "256", -1):
        with pytest.raises(ValueError, match="expected"):
            protocol(wrong)
    for wrong in ("90-80", "65536", "http"):
        with pytest.raises(ValueError, match="expected"):
            ports(wrong)


@pytest.mark.parametrize(
    "more, said",
    [
        ({"source_ranges": []}, "say where it comes from"),
        ({"direction": "EGRESS"}, "say where it goes to"),
        (
            {"direction": "EGRESS", "destination_ranges": ["0.0.0.0/0"], "source_tags": ["web"]},
            "its targets|the rule's",
        ),
        ({"source_tags": ["web"], "target_service_accounts": ["a@b.example"]}, "not by both"),
        ({"rules": [{"ip_protocol": "icmp", "ports": [8]}]}, "icmp has no ports"),
        ({"rules": []}, "at least 1"),
        ({"source_ranges": ["10.0.0.1/8"]}, "host bits"),
        ({"network": "net"}, "match"),
    ],
)
def test_a_rule_about_everybody_has_to_say_so(more: dict[str, Any], said: str) -> None:
    """What Google would take for everybody, or for something else than was meant, is refused before it is sent."""
    with pytest.raises(ValidationError, match=said):
        spec(**more)


def test_what_says_nobody_is_seen_as_everybody() -> None:
    """A rule of another hand's without sources lets everybody in, and is observed so."""
    raw = {"selfLink": "projects/p/global/firewalls/open", "network": NET, "allowed": [{"IPProtocol": "all"}]}
    assert KIND.see(raw, Scope("gcp", "p", "r")).properties["source_ranges"] == ["0.0.0.0/0"]
    out = KIND.see({**raw, "direction": "EGRESS"}, Scope("gcp", "p", "r")).properties
    assert (out["source_ranges"], out["destination_ranges"]) == ([], ["0.0.0.0/0"])
    assert KIND.see({**raw, "sourceTags": ["web"]}, Scope("gcp", "p", "r")).properties["source_ranges"] == []


@pytest.mark.parametrize("field, value", [("action", "deny"), ("direction", "EGRESS"), ("network", f"{NET}2")])
def test_what_makes_another_rule(field: str, value: str) -> None:
    """Google cannot turn a rule round, so that is another rule, and is planned so."""
    changed = spec(**{field: value, "destination_ranges": ["10.0.0.0/8"]})
    assert [c.path for c in three_way(KIND, changed, None, spec()) if c.replaces] == [field]
