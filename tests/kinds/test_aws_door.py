"""The door to AWS: what the SDK raises, wherever it does, is ours."""

from __future__ import annotations

from typing import Any

import pytest

from activities.providers.aws import credentials, door
from holdfast.errors import HoldfastError, InvalidInput, NotAllowed, NotFound, QuotaExceeded, Unavailable
from holdfast.model import Scope
from tests.cloud import ACCOUNT, REGION, LocalAws
from tests.kinds.pages import answering


@pytest.mark.parametrize(
    "profile, region, error",
    [("nobodys", "eu-central-1", NotAllowed), ("", "no region!", InvalidInput)],
)
def test_a_client_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, profile: str, region: str, error: type[HoldfastError]
) -> None:
    """A profile that is not there, or a region that cannot be, is refused at once, and not tried for days."""
    _blank(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_PROFILE", profile) if profile else monkeypatch.delenv("AWS_PROFILE", raising=False)
    with pytest.raises(error):
        door.AwsVisit(Scope("aws", ACCOUNT, region)).client("ec2")


def test_a_worker_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that finds no AWS credentials at all refuses the scope by its name, before any request."""
    _blank(monkeypatch)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with pytest.raises(NotAllowed, match=f"no AWS credentials for aws/{ACCOUNT}/{REGION} by its default chain"):
        door.open_visit(Scope("aws", ACCOUNT, REGION))


def test_another_account(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of one account open no door to another, which is named; to their own they do."""
    monkeypatch.setattr(credentials, "_sources", {})
    visit = door.open_visit(Scope("aws", ACCOUNT, REGION))
    assert visit.client("ec2").describe_instances()["Reservations"] == []
    assert (visit.calls, len(visit.requests), visit.answered) == (1, 1, True)
    with pytest.raises(NotAllowed, match=rf"(?s)belong to account {ACCOUNT}.*credentials of account 999900001111"):
        door.open_visit(Scope("aws", "999900001111", REGION))


def test_nothing_can_have_come_of_a_refusal(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a change was taken, or its answer lost: what was read before changes nothing."""
    monkeypatch.setattr(credentials, "_sources", {})
    visit = door.open_visit(Scope("aws", ACCOUNT, REGION))
    ec2 = visit.client("ec2")
    ec2.describe_vpcs()
    aws.control.refuse("VpcLimitExceeded", action="CreateVpc", count=1)
    with pytest.raises(QuotaExceeded):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    assert (visit.calls, visit.untouched) == (2, True)
    ec2.create_vpc(CidrBlock="10.0.0.0/16")
    assert not visit.untouched
    lost = door.open_visit(Scope("aws", ACCOUNT, REGION))
    aws.control.lose_answer(action="CreateVpc", count=1)
    with pytest.raises(Unavailable):
        lost.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")
    assert not lost.untouched


CHANGES: dict[str, Any] = {
    "ec2": lambda visit: visit.client("ec2").create_vpc(CidrBlock="10.0.0.0/16"),
    "s3": lambda visit: visit.client("s3").create_bucket(Bucket="a-bucket-of-ours"),
    "sqs": lambda visit: visit.client("sqs").create_queue(QueueName="ours"),
}


@pytest.mark.parametrize("service", CHANGES)
def test_a_refusal_of_awss_own(aws: LocalAws, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    """Whichever service refuses a change, it has answered, and nothing can have come of it."""
    monkeypatch.setattr(credentials, "_sources", {})
    visit = door.open_visit(Scope("aws", ACCOUNT, REGION))
    aws.control.refuse("AccessDenied", status=403, service=service)
    with pytest.raises(NotAllowed):
        CHANGES[service](visit)
    assert (visit.answered, visit.untouched, len(visit.requests)) == (True, True, 1)


def test_a_refusal_without_a_body(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked with HEAD is refused without a body: the request's id beside it says who has answered."""
    monkeypatch.setattr(credentials, "_sources", {})
    visit = door.open_visit(Scope("aws", ACCOUNT, REGION))
    with pytest.raises(NotFound):
        visit.client("s3").head_bucket(Bucket="a-bucket-of-nobodys")
    assert (visit.answered, len(visit.requests)) == (True, 1)


@pytest.mark.parametrize("status", [400, 403, 409, 502])
@pytest.mark.parametrize("service", CHANGES)
def test_a_page_is_no_refusal_of_awss(monkeypatch: pytest.MonkeyPatch, service: str, status: int) -> None:
    """A page without a request's id comes from something on the way: what it may have sent on is looked for."""
    _blank(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with answering(status) as page:
        monkeypatch.setenv("AWS_ENDPOINT_URL", page)
        visit = door.AwsVisit(Scope("aws", ACCOUNT, REGION))
        with pytest.raises(HoldfastError):
            CHANGES[service](visit)
    assert (visit.calls, visit.answered, visit.untouched, visit.requests) == (1, False, False, ())


def _blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that an earlier test, or this machine, has of AWS."""
    monkeypatch.setattr(door, "_clients", {})
    monkeypatch.setattr(door, "_account", [])
    monkeypatch.setattr(credentials, "_sources", {})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HOLDFAST_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
