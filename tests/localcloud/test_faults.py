"""Each fault does what it says, judged from the ledger and from what stands."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.cloud import ACCOUNT, OTHER_ACCOUNT, REGION, ControlRefused, LocalAws, until


def queue(aws: LocalAws, name: str = "q", **more: Any) -> str:
    return str(aws.client("sqs", **more).create_queue(QueueName=name)["QueueUrl"])


def queues(aws: LocalAws, **more: Any) -> list[str]:
    urls: list[str] = aws.client("sqs", **more).list_queues().get("QueueUrls", [])
    return urls


def test_calm(aws: LocalAws) -> None:
    """Without a rule a request is executed, answered and written down."""
    queue(aws)
    (entry,) = aws.control.ledger()
    assert (entry.action, entry.outcome, entry.told, entry.faults) == ("CreateQueue", "executed", "answered", [])
    assert len(queues(aws)) == 1


def test_latency(aws: LocalAws) -> None:
    """A request with latency takes that long at least, and requests wait side by side."""
    aws.control.latency(0.4, service="sqs")
    sqs = aws.client("sqs")
    began = time.monotonic()
    queue(aws)
    assert time.monotonic() - began >= 0.4
    aws.control.heal()
    aws.control.hold(service="sqs")
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(sqs.create_queue, QueueName=f"q{n}") for n in range(8)]
        aws.control.wait_held(8)
        aws.control.release()
    assert len([one.result() for one in asked]) == 8


def test_a_step_ends_latency(aws: LocalAws) -> None:
    """Latency is counted on the cloud's clock."""
    aws.control.latency(300, action="CreateQueue")
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(queue, aws)
        time.sleep(0.2)
        assert not made.done()
        aws.control.step(301)
        assert made.result(10)


@pytest.mark.parametrize(
    "service,call,code",
    [
        ("ec2", "describe_vpcs", "UnauthorizedOperation"),
        ("s3", "list_buckets", "AccessDenied"),
        ("sqs", "list_queues", "AccessDenied"),
        ("iam", "list_roles", "AccessDenied"),
        ("sts", "get_caller_identity", "AccessDenied"),
        ("resourcegroupstaggingapi", "get_resources", "AccessDeniedException"),
    ],
)
def test_refuse(aws: LocalAws, service: str, call: str, code: str) -> None:
    """A refusal has the code, the message, the status and a request id in every protocol's shape."""
    aws.control.refuse(code, "not <you>", 403)
    with pytest.raises(ClientError) as refused:
        getattr(aws.client(service), call)()
    said = refused.value.response
    assert said["Error"]["Code"] == code
    assert said["Error"]["Message"] == "not <you>"
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert said["ResponseMetadata"]["RequestId"]


def test_refused_is_not_executed(aws: LocalAws) -> None:
    """What a rule refused is in the ledger as faulted, and does not stand."""
    aws.control.refuse("QueueLimit", action="Create*", count=1)
    with pytest.raises(ClientError):
        queue(aws)
    (entry,) = aws.control.ledger()
    assert (entry.outcome, entry.code, entry.told) == ("faulted", "QueueLimit", "answered")
    assert queues(aws) == []
    assert queue(aws)


@pytest.mark.parametrize(
    "service,call,code,status",
    [
        ("ec2", "describe_vpcs", "RequestLimitExceeded", 503),
        ("s3", "list_buckets", "SlowDown", 503),
        ("sqs", "list_queues", "RequestThrottled", 403),
        ("iam", "list_roles", "Throttling", 400),
    ],
)
def test_throttle(aws: LocalAws, service: str, call: str, code: str, status: int) -> None:
    """A bucket lets its burst through, refuses in the service's own words, and refills with the cloud's clock."""
    aws.control.throttle(rate=0.01, burst=2)
    ask = getattr(aws.client(service), call)
    ask()
    ask()
    with pytest.raises(ClientError) as refused:
        ask()
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    aws.control.step(101)
    ask()
    with pytest.raises(ClientError):
        ask()


def test_lose_answer(aws: LocalAws) -> None:
    """A lost answer is a dropped connection to the caller, and a commit to the cloud."""
    aws.control.lose_answer(action="CreateQueue", count=1)
    with pytest.raises(ConnectionClosedError):
        queue(aws)
    (entry,) = aws.control.ledger()
    assert (entry.outcome, entry.told, entry.status) == ("executed", "lost", 200)
    assert len(queues(aws)) == 1
    assert queue(aws)


def test_silence(aws: LocalAws) -> None:
    """An answer can also simply never come."""
    aws.control.lose_answer(how="silence", action="CreateQueue")
    with pytest.raises(ReadTimeoutError):
        queue(aws, timeout=0.5)
    assert aws.control.executed("CreateQueue")


def test_lose_request(aws: LocalAws) -> None:
    """A lost request looks to the caller like a lost answer, and nothing was executed."""
    aws.control.lose_request(action="CreateQueue", count=1)
    with pytest.raises(ConnectionClosedError):
        queue(aws)
    (entry,) = aws.control.ledger()
    assert (entry.outcome, entry.told, entry.status) == ("dropped", "lost", 0)
    assert queues(aws) == []


def test_late_commit(aws: LocalAws) -> None:
    """A late commit is executed after its caller has gone, when the clock says so."""
    aws.control.late_commit(60, action="CreateQueue", count=1)
    with pytest.raises(ConnectionClosedError):
        queue(aws)
    assert queues(aws) == []
    assert aws.control.ledger() == []
    assert [late["action"] for late in aws.control.late()] == ["CreateQueue"]
    aws.control.step(61)
    (entry,) = until(aws.control.ledger)
    assert (entry.outcome, entry.told, entry.late) == ("executed", "lost", True)
    assert len(queues(aws)) == 1


def test_a_reset_ends_what_is_late(aws: LocalAws) -> None:
    """What is late when the cloud is reset is never executed."""
    aws.control.late_commit(60, action="CreateQueue")
    with pytest.raises(ConnectionClosedError):
        queue(aws)
    aws.control.reset()
    aws.control.step(61)
    until(lambda: not aws.control.late())
    assert aws.control.ledger() == []


def test_hold(aws: LocalAws) -> None:
    """A held answer waits for a word, and what was asked stands meanwhile."""
    aws.control.hold(action="CreateQueue", count=1)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(queue, aws)
        (held,) = aws.control.wait_held()
        assert (held["action"], held["executed"], held["parameters"]["QueueName"]) == ("CreateQueue", True, "q")
        assert [e.told for e in aws.control.executed("CreateQueue")] == ["held"]
        assert len(queues(aws)) == 1
        assert not made.done()
        assert aws.control.release(held["id"]) == 1
        assert made.result(10).endswith("/q")
    assert [e.told for e in aws.control.ledger()] == ["answered"]
    assert aws.control.held() == []


def test_hold_and_drop(aws: LocalAws) -> None:
    """A held answer can be dropped."""
    aws.control.hold(action="CreateQueue")
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(queue, aws)
        aws.control.wait_held()
        aws.control.release(drop=True)
        with pytest.raises(ConnectionClosedError):
            made.result(10)
    assert [(e.outcome, e.told) for e in aws.control.ledger()] == [("executed", "lost")]


@pytest.mark.parametrize("drop", [False, True])
def test_hold_before(aws: LocalAws, *, drop: bool) -> None:
    """A request held before execution is executed when it is released, and never when it is dropped."""
    aws.control.hold_before(action="CreateQueue", count=1)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(queue, aws)
        (held,) = aws.control.wait_held()
        assert held["executed"] is False
        assert aws.control.ledger() == []
        assert queues(aws) == []
        aws.control.release(drop=drop)
        if drop:
            with pytest.raises(ConnectionClosedError):
                made.result(10)
        else:
            made.result(10)
    assert [e.outcome for e in aws.control.ledger()] == ["dropped" if drop else "executed"]
    assert len(queues(aws)) == (0 if drop else 1)


def test_a_worker_killed_while_its_answer_is_held(aws: LocalAws) -> None:
    """A worker can be killed exactly between its request's execution and the answer; the cloud goes on."""
    aws.control.hold(action="CreateQueue", count=1)
    code = "import boto3; boto3.client('sqs').create_queue(QueueName='orphan')"
    worker = subprocess.Popen([sys.executable, "-c", code], env=aws.environment())
    try:
        aws.control.wait_held(within=30)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    aws.control.release()
    assert [url.rpartition("/")[2] for url in queues(aws)] == ["orphan"]
    assert len(aws.control.executed("CreateQueue")) == 1


def test_nth_and_count(aws: LocalAws) -> None:
    """A rule begins at its nth request, and ends after its count."""
    aws.control.refuse("Later", action="CreateQueue", nth=2, count=2)
    outcomes = []
    for n in range(5):
        try:
            queue(aws, f"q{n}")
            outcomes.append("made")
        except ClientError:
            outcomes.append("refused")
    assert outcomes == ["made", "refused", "refused", "made", "made"]
    (rule,) = aws.control.faults()
    assert (rule["seen"], rule["fired"]) == (5, 2)


def test_matching(aws: LocalAws) -> None:
    """A rule is about the requests that carry its text, in its account and region, and about no others."""
    aws.control.refuse("Text", contains="shop/aws.sqs_queue/b", action="CreateQueue")
    aws.control.refuse("Elsewhere", account=OTHER_ACCOUNT, region="eu-west-1", mutates=True)
    sqs = aws.client("sqs")
    sqs.create_queue(QueueName="a", tags={"address": "shop/aws.sqs_queue/a"})
    with pytest.raises(ClientError, match="Text"):
        sqs.create_queue(QueueName="b", tags={"address": "shop/aws.sqs_queue/b"})
    assert queue(aws, "c", account=OTHER_ACCOUNT, region=REGION)
    assert queue(aws, "c", account=ACCOUNT, region="eu-west-1")
    assert queues(aws, account=OTHER_ACCOUNT, region="eu-west-1") == []
    with pytest.raises(ClientError, match="Elsewhere"):
        queue(aws, "c", account=OTHER_ACCOUNT, region="eu-west-1")


def chances(aws: LocalAws) -> list[bool]:
    refused = []
    aws.control.reset()
    aws.control.refuse("Perhaps", probability=0.5, action="ListQueues")
    for _ in range(24):
        try:
            queues(aws)
            refused.append(False)
        except ClientError:
            refused.append(True)
    return refused


def test_chance_is_repeated_by_the_seed(aws: LocalAws) -> None:
    """The same rule after a reset fires on the same requests."""
    first = chances(aws)
    assert 4 < sum(first) < 20
    assert chances(aws) == first


@pytest.mark.parametrize(
    "rule,why",
    [
        ({"effect": "explode"}, "no such effect"),
        ({"effect": "latency"}, "seconds"),
        ({"effect": "latency", "seconds": 1e9}, "at most"),
        ({"effect": "latency", "seconds": -1}, "at least 0"),
        ({"effect": "refuse", "code": "A", "servise": "ec2"}, "servise"),
        ({"effect": "refuse", "code": "A", "nth": 0}, "at least 1"),
        ({"effect": "refuse", "code": "A", "status": 200}, "between 400"),
        ({"effect": "lose_answer", "how": "loudly"}, "silence"),
    ],
)
def test_a_rule_that_makes_no_sense(aws: LocalAws, rule: dict[str, Any], why: str) -> None:
    """A rule with a fault of its own is refused with the reason, and not set."""
    with pytest.raises(ControlRefused, match=why):
        aws.control.ask("POST", "faults", rule)
    assert aws.control.faults() == []


def test_a_rule_strikes_dry_runs_only_when_it_says_so(aws: LocalAws) -> None:
    """A question whether a change would be allowed is not the change: rules that count changes do not count it."""
    ec2, control = aws.client("ec2"), aws.control
    control.refuse("VpcLimitExceeded", action="CreateVpc", count=1)
    with pytest.raises(ClientError, match="DryRunOperation"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)
    with pytest.raises(ClientError, match="VpcLimitExceeded"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    control.refuse("UnauthorizedOperation", action="CreateVpc", dry=True)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)
    ec2.create_vpc(CidrBlock="10.0.0.0/16")
