"""Rules of security groups, pure: how they are written, one form for one meaning, and the order to change them in.

The canonical form is one entry for each protocol, ports and peer: what AWS adds and takes away one at a time.
Source: EC2 API reference, IpPermission.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from holdfast.model import Spec
from holdfast.plan import canonical_json
from holdfast.values import freeze, is_opaque

Atom = dict[str, Any]  # one rule about one peer, in canonical form

WORDS: Final = r"^[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]*$"  # what AWS takes in names and descriptions of groups
_PORTED: Final = frozenset({"tcp", "udp"})
_TYPED: Final = frozenset({"icmp", "icmpv6"})
_NAMED: Final[Mapping[str, str]] = {"-1": "all", "1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
_PEERS: Final = ("cidrs", "groups", "prefix_lists")
_LAST_PORT: Final = 65_535
_LAST_PROTOCOL: Final = 255


def protocol(value: Any) -> Any:
    """`tcp`, `udp`, `icmp`, `icmpv6` or `all`, whatever way it was written; a number for any other."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    text = str(value).strip().lower()
    text = _NAMED.get(text, text)
    if text in _NAMED.values():
        return text
    if text.isdecimal() and int(text) <= _LAST_PROTOCOL:
        return str(int(text))
    raise ValueError("expected tcp, udp, icmp, icmpv6, all, or a protocol's number up to 255")


def ports(value: Any) -> Any:
    """`443`, or `8000-8010`."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    first, dash, last = (part.strip() for part in str(value).partition("-"))
    last = last if dash else first
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= _LAST_PORT):
        raise ValueError("expected a port, or a range of them as in 8000-8010, up to 65535")
    return _span(int(first), int(last))


Protocol = Annotated[str, BeforeValidator(protocol, json_schema_input_type=int | str)]
Ports = Annotated[str, BeforeValidator(ports, json_schema_input_type=int | str)]
Number = Annotated[int, Field(ge=0, le=255)]


class Rule(Spec):
    """What may pass: one protocol, and whom it may come from or go to."""

    protocol: Protocol = Field(default="tcp", description="tcp, udp, icmp, icmpv6, all, or a protocol's number")
    ports: Ports | None = Field(
        default=None, description="of tcp and udp: 443, or 8000-8010; 0-65535 for all. Other protocols have none"
    )
    icmp_type: Number | None = Field(default=None, description="of icmp and icmpv6; without one, every type")
    icmp_code: Number | None = Field(default=None, description="of an icmp_type; without one, every code")
    cidrs: list[IPv4Network | IPv6Network] = Field(default_factory=list, description="blocks of either family")
    groups: list[str] = Field(
        default_factory=list, description="the ids of other groups; another account's as 123456789012/sg-0a1b"
    )
    self: bool = Field(default=False, description="whether members of the group itself are among them")
    prefix_lists: list[str] = Field(default_factory=list, description="the ids of prefix lists")
    description: Annotated[str, StringConstraints(max_length=255, pattern=WORDS)] = Field(
        default="", description="what it is for; AWS keeps one for each peer"
    )

    @model_validator(mode="after")
    def _makes_sense(rule) -> Rule:  # noqa: N805  `self` is a field
        named, asked = rule.protocol, rule.ports
        if not is_opaque(named):
            if named in _PORTED and asked is None:
                raise ValueError(f"`ports` is missing: {named} has some, and 0-65535 are all of them")
            if named not in _PORTED and asked is not None:
                raise ValueError(f"`ports` are of tcp and udp; {named} has none")
            if named not in _TYPED and (rule.icmp_type is not None or rule.icmp_code is not None):
                raise ValueError(f"`icmp_type` and `icmp_code` are of icmp and icmpv6; {named} has none")
        if rule.icmp_code is not None and rule.icmp_type is None:
            raise ValueError("an `icmp_code` is one of an `icmp_type`, which is missing")
        if not (rule.cidrs or rule.groups or rule.prefix_lists or is_opaque(rule.self) or rule.self):
            raise ValueError("a rule without peers lets nothing pass: say `cidrs`, `groups`, `prefix_lists` or `self`")
        return rule


# --- one form ------------------------------------------------------------------------------------------------------


def canonical(rules: Iterable[Any]) -> list[Any]:
    """One entry for each peer, sorted, each once. What is not known yet stays where it stands."""
    atoms = {canonical_json(freeze(a)): a for rule in rules for a in _split(rule)}
    return [atoms[text] for text in sorted(atoms)]


def key(atom: Any) -> str:
    """What AWS tells rules apart by: everything but the description."""
    if isinstance(atom, dict):
        atom = {name: value for name, value in atom.items() if name != "description"}
    return canonical_json(freeze(atom))


def twice(rules: Iterable[Any]) -> Atom | None:
    """A rule that is described in two ways, which AWS cannot hold; None where there is none."""
    held: dict[str, Atom] = {}
    for atom in canonical(rules):
        if key(atom) in held:
            return held[key(atom)]
        held[key(atom)] = atom
    return None


def _split(rule: Any) -> Iterator[Any]:
    if not isinstance(rule, dict):
        yield rule
        return
    base = {"protocol": _tried(protocol, rule.get("protocol", "tcp"))}
    for name in ("ports", "icmp_type", "icmp_code"):
        if rule.get(name) is not None:
            base[name] = _tried(ports, rule[name]) if name == "ports" else rule[name]
    said = {"description": rule["description"]} if rule.get("description") not in {None, ""} else {}
    for name in _PEERS:
        peers = rule.get(name) or []
        if not isinstance(peers, list | tuple):
            yield {**base, name: peers, **said}
            continue
        for peer in peers:
            yield {**base, name: [_block(peer) if name == "cidrs" else peer], **said}
    if is_opaque(rule.get("self")) or rule.get("self"):
        yield {**base, "self": rule["self"], **said}


def _tried(form: Any, value: Any) -> Any:
    try:
        return form(value)
    except ValueError:
        return value  # the spec has said so already


def _block(where: Any) -> Any:
    try:
        return str(ip_network(where, strict=False)) if isinstance(where, str) else where
    except ValueError:
        return where


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


# --- AWS's form ----------------------------------------------------------------------------------------------------


def seen(permissions: Iterable[Mapping[str, Any]], group: str, account: str) -> list[Atom]:
    """What DescribeSecurityGroups shows of one direction, in canonical form."""
    return canonical(atom for permission in permissions for atom in _seen(permission, group, account))


def _seen(permission: Mapping[str, Any], group: str, account: str) -> Iterator[Atom]:
    base: Atom = {"protocol": protocol(permission["IpProtocol"])}
    first, last = permission.get("FromPort", -1), permission.get("ToPort", -1)
    if base["protocol"] in _PORTED:
        base["ports"] = _span(max(first, 0), last if last >= 0 else _LAST_PORT)
    elif base["protocol"] in _TYPED and first >= 0:
        base["icmp_type"] = first
        if last >= 0:
            base["icmp_code"] = last
    for peer in permission.get("IpRanges", ()):
        yield {**base, "cidrs": [peer["CidrIp"]], **_said(peer)}
    for peer in permission.get("Ipv6Ranges", ()):
        yield {**base, "cidrs": [peer["CidrIpv6"]], **_said(peer)}
    for peer in permission.get("PrefixListIds", ()):
        yield {**base, "prefix_lists": [peer["PrefixListId"]], **_said(peer)}
    for peer in permission.get("UserIdGroupPairs", ()):
        if peer["GroupId"] == group:
            yield {**base, "self": True, **_said(peer)}
        else:
            theirs = peer.get("UserId", account)
            name = peer["GroupId"] if theirs == account else f"{theirs}/{peer['GroupId']}"
            yield {**base, "groups": [name], **_said(peer)}


def _said(peer: Mapping[str, Any]) -> Atom:
    return {"description": peer["Description"]} if peer.get("Description") else {}


def permissions(atoms: Iterable[Atom], group: str) -> list[dict[str, Any]]:
    """`IpPermissions` of a call that adds, removes or describes rules."""
    return [_permission(atom, group) for atom in atoms]


def _permission(atom: Atom, group: str) -> dict[str, Any]:
    named = atom["protocol"]
    asked: dict[str, Any] = {"IpProtocol": "-1" if named == "all" else named}
    if named in _PORTED:
        asked["FromPort"], asked["ToPort"] = _range(atom)
    elif named in _TYPED:
        asked["FromPort"], asked["ToPort"] = atom.get("icmp_type", -1), atom.get("icmp_code", -1)
    said = {"Description": atom["description"]} if "description" in atom else {}
    if "cidrs" in atom:
        [block] = atom["cidrs"]
        six = ":" in block
        asked["Ipv6Ranges" if six else "IpRanges"] = [{"CidrIpv6" if six else "CidrIp": block, **said}]
    elif "prefix_lists" in atom:
        asked["PrefixListIds"] = [{"PrefixListId": atom["prefix_lists"][0], **said}]
    elif "groups" in atom:
        account, _, other = atom["groups"][0].rpartition("/")
        asked["UserIdGroupPairs"] = [{"GroupId": other, **({"UserId": account} if account else {}), **said}]
    else:
        asked["UserIdGroupPairs"] = [{"GroupId": group, **said}]
    return asked


def _range(atom: Atom) -> tuple[int, int]:
    first, _, last = atom["ports"].partition("-")
    return int(first), int(last or first)


# --- the order of a change -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do to one direction of a group, in this order. `described`: rules that only get other words."""

    narrower: Sequence[Atom] = ()  # to add: what passes by them passes already
    unwanted: Sequence[Atom] = ()  # to remove
    new: Sequence[Atom] = ()  # to add
    covered: Sequence[Atom] = ()  # to remove: what passes by them passes by what is new as well
    described: Sequence[Atom] = ()


def steps(live: Sequence[Atom], wanted: Sequence[Atom]) -> Steps:
    """How to make `wanted` of `live`, so that a group is never more open than before or after, nor cuts off needlessly.

    Adding first would for a moment let pass what the old rules and the new ones let pass together; with both directions
    changing that may be what neither would. Removing first cuts off what both let pass by different rules. So a rule
    within an old one is added first, and a rule within a new one is removed last; between, what nobody wants any more
    goes before what is new comes. Cut off for a moment is only what an old and a new rule share without one holding the
    other, as 80-90 and 85-95 do.
    """
    before, after = {key(a): a for a in live}, {key(a): a for a in wanted}
    adding = [a for k, a in after.items() if k not in before]
    going = [a for k, a in before.items() if k not in after]
    narrower = [a for a in adding if any(covers(old, a) for old in live)]
    covered = [a for a in going if any(covers(new, a) for new in wanted)]
    return Steps(
        narrower=narrower,
        unwanted=[a for a in going if a not in covered],
        new=[a for a in adding if a not in narrower],
        covered=covered,
        described=[a for k, a in after.items() if k in before and before[k] != a],
    )


def covers(wide: Atom, narrow: Atom) -> bool:
    """Whether everything that passes by one rule passes by the other."""
    return _covers_traffic(wide, narrow) and _covers_peer(wide, narrow)


def _covers_traffic(wide: Atom, narrow: Atom) -> bool:
    if wide["protocol"] == "all":
        return True
    if wide["protocol"] != narrow["protocol"]:
        return False
    if wide["protocol"] in _PORTED:
        (first, last), (from_, to) = _range(wide), _range(narrow)
        return first <= from_ and to <= last
    return all(wide.get(name) in {None, narrow.get(name)} for name in ("icmp_type", "icmp_code"))


def _covers_peer(wide: Atom, narrow: Atom) -> bool:
    if "cidrs" not in wide or "cidrs" not in narrow:
        return all(wide.get(name) == narrow.get(name) for name in (*_PEERS, "self"))
    outer, inner = ip_network(wide["cidrs"][0]), ip_network(narrow["cidrs"][0])
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network) and inner.subnet_of(outer)
