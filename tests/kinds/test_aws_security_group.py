"""`aws.security_group` on the local AWS, and beside recorded answers: exactly the rules that are written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from activities.providers.aws import rules
from activities.providers.aws.kinds.security_group import SecurityGroup, SecurityGroupSpec
from holdfast.diff import three_way
from holdfast.errors import Blocked, NameTaken
from holdfast.resource import Status
from holdfast.values import Unknown
from tests.cloud import LocalAws
from tests.kinds.aws_calls import SCOPE, Called
from tests.localcloud.aws_parts import standing

KIND = SecurityGroup()
EVERYWHERE = {"protocol": "all", "cidrs": ["0.0.0.0/0"]}
RULE_CALLS = ("Authorize", "Revoke", "UpdateSecurityGroupRule")


@pytest.fixture
def vpc(aws: LocalAws) -> str:
    made: str = aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    aws.control.forget()
    return made


def group(aws: LocalAws, vpc: str, **more: Any) -> Called[SecurityGroupSpec]:
    return Called(KIND, aws, "app", SecurityGroupSpec.model_validate({"name": "app", "vpc": vpc, **more}))


def actions(aws: LocalAws) -> list[str]:
    found = [e.action for e in aws.control.executed()]
    return [a.replace("SecurityGroup", "") for a in found if a.startswith(RULE_CALLS)]


def rule(ports: int | str, *cidrs: str, **more: Any) -> dict[str, Any]:
    return {"ports": ports, "cidrs": list(cidrs), **more}


# --- making and finding ---------------------------------------------------------------------------------------------


def test_closed_as_written(aws: LocalAws, vpc: str) -> None:
    """A group without rules lets nothing in and nothing out: what AWS lets out of a new one is taken away."""
    made = group(aws, vpc)
    assert made.create().status is Status.ready
    stands = standing(aws, "security_group")[made.remote_id or ""]
    assert (stands["ingress"], stands["egress"], stands["tags"]["holdfast-token"]) == ([], [], made.token)
    assert made.differs() == []


def test_open_as_written(aws: LocalAws, vpc: str) -> None:
    """A group that lets everything out by its document keeps AWS's own rule; what comes in is let in last."""
    open_ = group(aws, vpc, egress=[EVERYWHERE], ingress=[rule(443, "0.0.0.0/0", "::/0")])
    open_.create()
    assert actions(aws) == ["AuthorizeIngress"]
    assert open_.differs() == []
    aws.control.forget()
    narrow = group(aws, vpc, name="narrow", egress=[rule(443, "10.0.0.0/8")], ingress=[rule(80, "::/0")])
    narrow.create()
    assert actions(aws) == ["AuthorizeEgress", "RevokeEgress", "AuthorizeIngress"]
    assert narrow.differs() == []


def test_created_before_reads_show_it(aws: LocalAws, vpc: str) -> None:
    """A group that reads do not show yet is closed all the same, and pending until they do."""
    aws.control.settings(new_get_lag_seconds=60, new_list_lag_seconds=60)
    made = group(aws, vpc, ingress=[rule(443, "0.0.0.0/0")])
    assert made.create().status is Status.pending
    assert standing(aws, "security_group")[made.remote_id or ""]["egress"] == []
    aws.control.step(61)
    assert (made.observe().status, made.differs()) == (Status.ready, [])


@pytest.mark.parametrize("nth", range(1, 4))
@pytest.mark.parametrize("lost", ["lose_request", "lose_answer"])
def test_completed_after_a_kill(aws: LocalAws, vpc: str, lost: str, nth: int) -> None:
    """A create cut off at any of its later calls is completed by the next, also while reads are stale."""
    made = group(aws, vpc, ingress=[rule(443, "0.0.0.0/0"), rule(22, "10.0.0.0/8")], egress=[rule(53, "10.0.0.0/8")])
    getattr(aws.control, lost)(mutates=True, nth=nth + 1, count=1)
    with pytest.raises(Exception, match="does not answer"):
        made.create()
    [half] = made.find()
    made.create(remote_id=half.remote_id)
    assert made.differs() == []
    aws.control.settings(stale_seconds=60)
    aws.client("ec2").create_tags(Resources=[half.remote_id], Tags=[{"Key": "a", "Value": "b"}])
    made.create(remote_id=half.remote_id)
    aws.control.settings(stale_seconds=0)
    assert made.differs() == []


def test_the_name_is_another_hands(aws: LocalAws, vpc: str) -> None:
    """A name is taken in its VPC only, and whoever bears it is found and left alone; `*` in a name is a letter."""
    ec2 = aws.client("ec2")
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    theirs = ec2.create_security_group(GroupName="app", Description="theirs", VpcId=vpc)["GroupId"]
    made = group(aws, vpc)
    with pytest.raises(NameTaken):
        made.create()
    assert [(o.remote_id, o.owner) for o in made.find()] == [(theirs, None)]
    assert group(aws, vpc, name="a*").find() == []
    assert group(aws, other).find() == []
    assert group(aws, other).create().stands
    calls = [made.call(), group(aws, other).call(), group(aws, vpc, name="none").call()]
    assert [c.wanted.vpc for c, _ in KIND.find_all(calls)] == [vpc, other]
    assert list(KIND.find_all([])) == []


# --- one form -------------------------------------------------------------------------------------------------------


def test_one_form_for_one_meaning() -> None:
    """However a rule is written, split or ordered, and whatever name or number its protocol has, it is the same."""
    one = [
        {"protocol": "TCP", "ports": "443-443", "cidrs": ["10.0.0.0/8", "::/0"], "groups": ["sg-0a"], "self": True},
        {"protocol": -1, "cidrs": ["0.0.0.0/0"]},
    ]
    other = [
        {"protocol": "all", "cidrs": ["0.0.0.0/0"]},
        {"protocol": 6, "ports": 443, "groups": ["sg-0a"], "cidrs": ["::/0"]},
        {"ports": "443", "self": True, "cidrs": ["10.0.0.0/8", "::/0"]},
    ]
    forms = []
    for written in (one, other):
        spec = SecurityGroupSpec.model_validate({"name": "app", "vpc": "vpc-0a", "ingress": written})
        forms.append(KIND.canonical(spec.plain())["ingress"])
    assert forms[0] == forms[1]
    assert len(forms[0]) == 5


def test_a_peer_that_is_not_known_yet() -> None:
    """A rule about a group that is still to be made is kept, beside those that are known."""
    unknown = Unknown("${shop/aws.security_group/edge#id}")
    written = [{"ports": 80, "groups": [unknown, "sg-0a"]}, {"ports": 81, "cidrs": unknown}]
    spec = SecurityGroupSpec.model_validate({"name": "app", "vpc": "vpc-0a", "ingress": written})
    form = KIND.canonical(spec.plain())["ingress"]
    assert {str(a.get("groups", a.get("cidrs"))) for a in form} == {str(unknown), str([unknown]), "['sg-0a']"}
    assert KIND.canonical({"ingress": form})["ingress"] == form


@pytest.mark.parametrize(
    "wrong",
    [
        {"cidrs": ["0.0.0.0/0"]},
        {"ports": 443},
        {"ports": 70_000, "self": True},
        {"ports": "90-80", "self": True},
        {"ports": True, "self": True},
        {"protocol": "all", "ports": 443, "self": True},
        {"protocol": "icmp", "icmp_code": 1, "self": True},
        {"protocol": "tcp", "ports": 1, "icmp_type": 1, "self": True},
        {"protocol": 256, "self": True},
        {"ports": 443, "cidrs": ["10.0.0.1/8"]},
        {"ports": 443, "self": True, "description": "über"},
    ],
)
def test_what_is_no_rule(wrong: dict[str, Any]) -> None:
    """A rule that lets nothing pass, or says what its protocol has not, is refused before anything is sent."""
    with pytest.raises(ValidationError):
        SecurityGroupSpec.model_validate({"name": "app", "vpc": "vpc-0a", "ingress": [wrong]})


def test_one_description_a_rule() -> None:
    """AWS keeps one description of a rule, so two are refused; and it keeps some names for itself."""
    twice = [rule(80, "10.0.0.0/8", description="a"), rule(80, "10.0.0.0/8", "::/0", description="b")]
    for more in ({"ingress": twice}, {"name": "default"}, {"name": "sg-app"}):
        with pytest.raises(ValidationError):
            SecurityGroupSpec.model_validate({"name": "app", "vpc": "vpc-0a", **more})


# --- changing -------------------------------------------------------------------------------------------------------

SPANS = ("80", "80-90", "0-65535", "85-95")
BLOCKS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24")
PACKETS = [(p, IPv4Network(b)) for p in (1, 80, 88, 93) for b in ("8.8.8.8/32", "10.0.0.1/32", "10.1.0.1/32")]
atoms = st.one_of(
    st.builds(
        lambda p, b: {"protocol": "tcp", "ports": p, "cidrs": [b]}, st.sampled_from(SPANS), st.sampled_from(BLOCKS)
    ),
    st.builds(lambda b: {"protocol": "all", "cidrs": [b]}, st.sampled_from(BLOCKS)),
)
written = st.lists(atoms, max_size=5).map(rules.canonical)


def passing(standing: Iterable[rules.Atom]) -> set[tuple[int, IPv4Network]]:
    probes = {(p, b): {"protocol": "tcp", "ports": str(p), "cidrs": [str(b)]} for p, b in PACKETS}
    return {packet for packet, probe in probes.items() if any(rules.covers(atom, probe) for atom in standing)}


@settings(deadline=None)  # a shared machine has pauses of its own
@given(before=written, after=written)
def test_never_more_open_than_before_or_after(before: list[rules.Atom], after: list[rules.Atom]) -> None:
    """While rules change, all that passes at one instant passed before, or all of it shall pass afterwards."""
    steps = rules.steps(before, after)
    stands = {rules.key(a): a for a in before}
    for adds, changed in (
        (True, steps.narrower),
        (False, steps.unwanted),
        (True, steps.new),
        (False, steps.covered),
    ):
        for atom in changed:
            assert (rules.key(atom) in stands) is not adds
            stands = {**stands, rules.key(atom): atom} if adds else {k: a for k, a in stands.items() if a != atom}
        now = passing(stands.values())
        assert now <= passing(before) or now <= passing(after)
        # What an old rule and a new one share, where one of them holds the other, is never cut off.
        kept = [a for a in before if any(rules.covers(b, a) for b in after)]
        kept += [b for b in after if any(rules.covers(a, b) for a in before)]
        assert passing(kept) <= now
    assert set(stands) == {rules.key(a) for a in after}


def test_narrowed_without_a_gap_and_without_a_hole(aws: LocalAws, vpc: str) -> None:
    """Narrowing adds the narrower rule first, widening removes it last, and otherwise the old rule goes first."""
    made = group(aws, vpc, ingress=[rule(443, "10.0.0.0/8")])
    made.create()
    for wanted, calls in (
        ([rule(443, "10.1.0.0/16")], ["AuthorizeIngress", "RevokeIngress"]),
        ([rule(443, "10.0.0.0/8")], ["AuthorizeIngress", "RevokeIngress"]),
        ([rule(80, "192.0.2.0/24")], ["RevokeIngress", "AuthorizeIngress"]),
        ([rule(80, "192.0.2.0/24", "::/0")], ["AuthorizeIngress"]),
        ([], ["RevokeIngress"]),
    ):
        aws.control.forget()
        made.update(ingress=wanted)
        assert actions(aws) == calls
        assert made.differs() == []


def test_both_directions_close_before_either_opens(aws: LocalAws, vpc: str) -> None:
    """A group that turns from private with a way out to public without one is never public with a way out."""
    made = group(aws, vpc, ingress=[rule(22, "10.0.0.0/8")], egress=[EVERYWHERE])
    made.create()
    aws.control.forget()
    made.update(ingress=[rule(443, "0.0.0.0/0")], egress=[rule(5432, "192.0.2.0/24", "2001:db8::/32")])
    assert actions(aws) == ["AuthorizeEgress", "RevokeEgress", "RevokeIngress", "AuthorizeEgress", "AuthorizeIngress"]
    assert made.differs() == []
    made.update(egress=[])
    assert made.differs() == []


def test_described_anew(aws: LocalAws, vpc: str) -> None:
    """Another description, or none, changes no rule."""
    edge = group(aws, vpc, name="edge")
    edge.create()
    peers = {"groups": [edge.remote_id], "self": True}
    made = group(aws, vpc, ingress=[rule(443, "10.0.0.0/8", "::/0", description="a", **peers)])
    made.create()
    assert made.differs() == []
    for said in ({"description": "b"}, {}):
        aws.control.forget()
        made.update(ingress=[rule(443, "10.0.0.0/8", "::/0", **said, **peers)])
        assert actions(aws) == ["UpdateRuleDescriptionsIngress"]
        assert made.differs() == []


def test_every_protocol_comes_back_as_written(aws: LocalAws, vpc: str) -> None:
    """TCP, UDP, both ICMP, all, and any number are read as they were written, and are taken away again."""
    every = [
        rule("0-65535", "10.0.0.0/8"),
        {"protocol": "udp", "ports": 53, "cidrs": ["::/0"]},
        {"protocol": "icmp", "cidrs": ["10.0.0.0/8"]},
        {"protocol": "icmp", "icmp_type": 3, "icmp_code": 4, "cidrs": ["10.0.0.0/8"]},
        {"protocol": "icmpv6", "icmp_type": 128, "cidrs": ["::/0"]},
        {"protocol": "all", "self": True},
        {"protocol": 50, "cidrs": ["192.0.2.0/24"]},
    ]
    made = group(aws, vpc, ingress=every, egress=every)
    made.create()
    assert made.differs() == []
    shown = made.observe().properties["ingress"]
    assert isinstance(shown, list)
    assert len(shown) == len(every)
    made.update(ingress=[], egress=[])
    assert made.differs() == []


def test_in_use(aws: LocalAws, vpc: str) -> None:
    """A group that another one's rule names is asked again later; one that names itself goes."""
    edge, made = group(aws, vpc, name="edge"), group(aws, vpc)
    edge.create()
    made.spec = SecurityGroupSpec.model_validate(
        {"name": "app", "vpc": vpc, "ingress": [{"ports": 80, "groups": [edge.remote_id], "self": True}]}
    )
    made.create()
    with pytest.raises(Blocked):
        edge.delete()
    for gone in (made, edge):
        assert gone.delete().status is Status.absent
        assert gone.delete().status is Status.absent


# --- beside recorded answers ----------------------------------------------------------------------------------------


def recorded() -> list[dict[str, Any]]:
    files = sorted(Path(os.environ["HOLDFAST_FIXTURES"], "aws").glob("*/ec2.DescribeSecurityGroups_*.json"))
    return [g for f in files for g in json.loads(f.read_text())["data"]["SecurityGroups"]]


@pytest.mark.fixtures
@pytest.mark.skipif("HOLDFAST_FIXTURES" not in os.environ, reason="HOLDFAST_FIXTURES is not set")
def test_recorded_groups_are_read_whole() -> None:
    """Every recorded group is read completely, says the same as a spec, and its rules are asked for as AWS had them."""
    groups = recorded()
    assert groups
    for raw in groups:
        seen = KIND.see(raw, SCOPE)
        assert not seen.partial
        fields = {k: v for k, v in seen.properties.items() if k != "name"}
        spec = SecurityGroupSpec.model_validate({**fields, "name": "any"})
        assert three_way(KIND, {**spec.plain(), "name": raw["GroupName"]}, None, seen.properties) == ()
        for way, there in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            atoms_of = rules.seen(raw[there], raw["GroupId"], raw["OwnerId"])
            asked = rules.permissions(atoms_of, raw["GroupId"])
            assert rules.seen(asked, raw["GroupId"], raw["OwnerId"]) == atoms_of == seen.properties[way]
            peers = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")
            assert len(atoms_of) == sum(len(p.get(n, ())) for p in raw[there] for n in peers)


def test_another_accounts_group() -> None:
    """A group of another account is named with it, and its own account's without."""
    pairs = [{"GroupId": "sg-0b", "UserId": "111122223333"}, {"GroupId": "sg-0c", "UserId": "123456789012"}]
    raw = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": pairs}]
    found = rules.seen(raw, "sg-0a", "123456789012")
    assert [a["groups"] for a in found] == [["111122223333/sg-0b"], ["sg-0c"]]
    asked = [p["UserIdGroupPairs"][0] for p in rules.permissions(found, "sg-0a")]
    assert asked == [{"GroupId": "sg-0b", "UserId": "111122223333"}, {"GroupId": "sg-0c"}]
