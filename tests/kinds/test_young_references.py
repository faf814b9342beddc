"""What was made a moment ago may be unknown elsewhere in its cloud: whoever refers to it asks again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.protocol.create import create
from activities.protocol.job import KNOWN_WITHIN, Job
from activities.providers.aws.door import AwsVisit
from activities.providers.aws.kinds.subnet import Subnet
from holdfast.act import Act
from holdfast.errors import NotFound, Pending
from holdfast.model import Address, Owner, Scope
from holdfast.plan import Action, Undo, UndoLabel, Verb
from holdfast.values import Unknown, freeze
from tests.cloud import ACCOUNT, REGION, LocalAws

SCOPE = Scope("aws", ACCOUNT, REGION)
NET = Address("shop", "aws.vpc", "net")
APP = Address("shop", "aws.subnet", "app")
JUST_SENT = timedelta()


def _job(vpc: str, waited: timedelta = JUST_SENT) -> Job:
    spec = {"vpc": Unknown.of(NET, "id"), "cidr": "10.0.1.0/24", "zone": f"{REGION}a", "tags": {}}
    frozen = {name: freeze(value) for name, value in spec.items()}
    undo = Undo(label=UndoLabel.exact, verb=Verb.delete)
    action = Action(seq=1, verb=Verb.create, address=APP, scope=SCOPE, spec=frozen, after=(0,), undo=undo)
    act = Act(
        verb=Verb.create,
        address=APP,
        scope=SCOPE,
        plan="0",
        seq=1,
        token="t-app",
        owner=Owner("test", "shop"),
        inputs={f"{NET}#id": vpc},
    )
    return Job(act=act, action=action, kind=Subnet(), client=AwsVisit(SCOPE).client, waited=waited)


def test_a_reference_that_is_too_young_is_asked_for_again(aws: LocalAws) -> None:
    """A subnet in a VPC that EC2 does not know everywhere yet waits, and is made once when it does."""
    aws.control.settings(new_use_lag_seconds=60, lag_kinds=["vpc"])
    vpc = aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    with pytest.raises(Pending, match="does not know everywhere yet"):
        create(_job(vpc))
    aws.control.step(61)
    done = create(_job(vpc))
    assert done.remote_id
    assert len(aws.control.executed("CreateSubnet")) == 1


def test_a_reference_that_stays_unknown_is_refused(aws: LocalAws) -> None:
    """After a few minutes, or where the id was written by hand, what is not there is not there."""
    job = _job("vpc-0123456789abcdef0", waited=KNOWN_WITHIN)
    with pytest.raises(NotFound):
        create(job)
    literal = job.action.model_copy(update={"spec": {**job.action.spec, "vpc": "vpc-0123456789abcdef0"}})
    by_hand = replace(job, action=literal, act=job.act.model_copy(update={"inputs": {}}), waited=JUST_SENT)
    with pytest.raises(NotFound):
        create(by_hand)
    assert not aws.control.executed("CreateSubnet")
