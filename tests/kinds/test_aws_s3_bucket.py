"""`aws.s3_bucket` on the local AWS: what is special to it beside the laws."""

from __future__ import annotations

from dataclasses import replace

import pytest

from activities.providers.aws.door import AwsVisit
from activities.providers.aws.kinds.s3_bucket import Bucket, BucketSpec
from holdfast.errors import NameTaken, NotAllowed, Pending
from holdfast.model import Scope
from holdfast.resource import Call, Search
from tests.cloud import ACCOUNT, OTHER_ACCOUNT, LocalAws
from tests.kinds.aws_calls import OWNER, SCOPE, Called

KIND = Bucket()
HOME = Scope("aws", ACCOUNT, "us-east-1")


def bucket(aws: LocalAws, **more: object) -> Called[BucketSpec]:
    return Called(KIND, aws, "receipts", BucketSpec.model_validate({"name": "shop-receipts-7f3a", **more}))


def at_home(one: Called[BucketSpec]) -> Call[BucketSpec]:
    """A create in the region that answers a second one as if it were the first."""
    return one.call(scope=HOME, client=AwsVisit(HOME).client)


def test_a_strangers_bucket_in_the_oldest_region(aws: LocalAws) -> None:
    """What the account has already is not touched where S3 answers its create again as if it had just been made."""
    KIND.create(at_home(bucket(aws, tls_only=False)))
    aws.control.forget()
    with pytest.raises(NameTaken):
        KIND.create(at_home(bucket(aws)))
    assert aws.control.executed() == []


def test_made_at_the_same_moment_in_the_oldest_region(aws: LocalAws) -> None:
    """Of two that make one bucket at once the later one says so, and has changed nothing."""
    KIND.create(at_home(bucket(aws, tls_only=False)))
    before = aws.control.world()
    aws.control.refuse("NoSuchBucket", action="GetBucketTagging", status=404, count=1)
    with pytest.raises(NameTaken):
        KIND.create(at_home(bucket(aws)))
    assert aws.control.world() == before


def test_not_visible_yet_in_the_oldest_region(aws: LocalAws) -> None:
    """A bucket that shows no tags yet is not known to be ours; once it does, it is completed."""
    aws.control.settings(new_get_lag_seconds=30)
    one = bucket(aws)
    with pytest.raises(Pending):
        KIND.create(at_home(one))
    aws.control.step(31)
    [found] = KIND.find(at_home(one))
    made = KIND.create(replace(at_home(one), remote_id=found.remote_id))
    assert KIND.observe(replace(at_home(one), remote_id=made.remote_id)).properties == one.spec.plain()


def test_a_list_costs_a_call_a_hundred(aws: LocalAws) -> None:
    """Buckets are listed as many a call as the tagging API gives."""
    s3 = aws.client("s3")
    tags = [{"Key": k, "Value": v} for k, v in bucket(aws).call().marks.items()]
    for n in range(60):
        place = {"LocationConstraint": s3.meta.region_name, "Tags": tags}
        s3.create_bucket(Bucket=f"shop-{n}", CreateBucketConfiguration=place)
    visit = AwsVisit(SCOPE)
    found = list(KIND.discover(Search(SCOPE, visit.client, OWNER)))
    assert (len(found), visit.calls) == (60, 1)


@pytest.mark.parametrize("code, action", [("AccessDenied", "GetBucketTagging"), ("ExpiredToken", "*")])
def test_a_bucket_that_is_closed_to_us(aws: LocalAws, code: str, action: str) -> None:
    """Our own bucket is not taken for a stranger's when we may not look: its undo would leave it, and call it done."""
    made = bucket(aws)
    made.create()
    aws.control.refuse(code, service="s3", action=action, status=403)
    with pytest.raises(NotAllowed):
        made.observe()


def test_another_accounts_bucket(aws: LocalAws) -> None:
    """A bucket of our name in another account stands there, and is nobody's of ours."""
    theirs = aws.client("s3", OTHER_ACCOUNT)
    place = {"LocationConstraint": theirs.meta.region_name}
    theirs.create_bucket(Bucket="shop-receipts-7f3a", CreateBucketConfiguration=place)
    [found] = bucket(aws).find()
    assert (found.stands, found.owner) == (True, None)
