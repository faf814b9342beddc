"""The process: it keeps its state, repeats itself from a seed, serves many at once, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.cloud import IMAGE, REGION, ROOT, LocalAws, until
from tests.leash import alive


def build(aws: LocalAws) -> None:
    """A bit of everything that our kinds make."""
    ec2, s3 = aws.client("ec2"), aws.client("s3")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    ec2.run_instances(
        ImageId=IMAGE,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        SecurityGroupIds=[group],
        ClientToken="one",
    )
    ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, ClientToken="two")
    s3.create_bucket(Bucket="a-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="a-bucket", Key="k", Body=b"v" * 1000)
    url = aws.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="m")
    aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")


def standing(aws: LocalAws) -> dict[str, Any]:
    ec2 = aws.client("ec2")
    return {
        "vpcs": sorted(v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]),
        "tables": sorted(t["RouteTableId"] for t in ec2.describe_route_tables()["RouteTables"]),
        "groups": sorted(g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]),
        "instances": [i["InstanceId"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]],
        "volumes": sorted(v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]),
        "objects": [o["ETag"] for o in aws.client("s3").list_objects_v2(Bucket="a-bucket").get("Contents", [])],
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "roles": [r["RoleName"] for r in aws.client("iam").list_roles()["Roles"]],
    }


def test_state_survives_the_process(tmp_path: Path) -> None:
    """What stood when the process was stopped stands when it starts again, on the same port, and so does the ledger.

    What was saved before a SIGKILL stands too, and request ids are never given twice.
    """
    with LocalAws(tmp_path, state=True) as aws:
        build(aws)
        aws.control.step(600)  # so that nothing is on its way
        before, ledger, world = standing(aws), aws.control.ledger(), aws.control.world()
        aws.stop()
        aws.start()
        assert standing(aws) == before
        assert aws.control.ledger() == ledger
        assert json.dumps(aws.control.world(), sort_keys=True) == json.dumps(world, sort_keys=True)
        assert (tmp_path / "cloud.state").stat().st_mode & 0o077 == 0

        aws.client("sqs").create_queue(QueueName="late")
        until(lambda: aws.control.health()["saved"])
        aws.stop(kill=True)
        aws.start()
        assert [url.rpartition("/")[2] for url in standing(aws)["queues"]] == ["q", "late"]
        aws.client("sqs").create_queue(QueueName="latest")
        ids = [e.request_id for e in aws.control.ledger()]
        assert len(set(ids)) == len(ids) == len(ledger) + 2


def run(aws: LocalAws) -> list[Any]:
    aws.control.lose_answer(action="CreateVolume", probability=0.5)
    aws.control.refuse("Perhaps", action="CreateVolume", probability=0.5)
    for n in range(12):
        try:
            aws.client("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=n + 1)
        except (ClientError, ConnectionClosedError):
            continue
    return [(e.outcome, e.told, e.made, e.request_id) for e in aws.control.ledger()]


def test_one_seed_is_one_run(tmp_path: Path, aws: LocalAws) -> None:
    """Two clouds with one seed that are asked the same do, say and name the same; another seed is another run."""
    runs = []
    for number, seed in enumerate((5, 5)):
        directory = tmp_path / str(number)
        directory.mkdir()
        with LocalAws(directory, seed=seed) as one:
            runs.append(run(one))
    assert runs[0] == runs[1]
    assert runs[0] != run(aws)
    assert {outcome for outcome, *_ in runs[0]} == {"executed", "faulted"}


def test_thirty_two_at_once(aws: LocalAws) -> None:
    """Thirty-two callers at once are each served once, and the ledger has every one of them in one order."""
    for service in ("sqs", "ec2", "s3"):
        aws.client(service)

    def work(n: int) -> None:
        aws.client("sqs").create_queue(QueueName=f"q{n}")
        aws.client("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=1)
        aws.client("s3").create_bucket(Bucket=f"bucket-{n}", CreateBucketConfiguration={"LocationConstraint": REGION})

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, range(64)))
    entries = aws.control.ledger()
    assert [e.outcome for e in entries] == ["executed"] * 192
    assert [e.seq for e in entries] == list(range(entries[0].seq, entries[0].seq + 192))
    assert len({made for e in entries for made in e.made}) >= 192
    assert len(aws.client("ec2").describe_volumes()["Volumes"]) == 64
    assert len(aws.client("s3").list_buckets()["Buckets"]) == 64


def test_it_ends_while_requests_wait(tmp_path: Path) -> None:
    """SIGTERM ends the process in order, though an answer is held and a request is late."""
    with LocalAws(tmp_path) as aws:
        aws.control.late_commit(600, contains="late")
        aws.control.hold(contains="held")
        sqs = aws.client("sqs")
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(sqs.create_queue, QueueName=name) for name in ("late", "held")]
            aws.control.wait_held()
            os.kill(aws.pid, signal.SIGTERM)
            for one in asked:
                assert isinstance(one.exception(10), ConnectionClosedError)
        aws.stop()
        assert "Traceback" not in aws.log


def test_no_strays(tmp_path: Path) -> None:
    """When its parent is killed with SIGKILL, the cloud saves its state and ends by itself."""
    code = """
import sys, time, pathlib
from tests.cloud import LocalAws
aws = LocalAws(pathlib.Path(sys.argv[1]), state=True)
aws.start()
aws.client("sqs").create_queue(QueueName="q")
print(aws.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
    finally:
        parent.kill()
        parent.communicate(timeout=10)
    until(lambda: not alive(pid), 15, "the cloud's end")
    assert (tmp_path / "cloud.state").exists()


def test_a_state_that_cannot_be_read(tmp_path: Path) -> None:
    """A state that cannot be read is left as it is, and the letter says what to do."""
    (tmp_path / "cloud.state").write_bytes(b"not a state")
    aws = LocalAws(tmp_path, state=True)
    with pytest.raises(RuntimeError, match="remove the file to begin with an empty cloud"):
        aws.start()
    assert (tmp_path / "cloud.state").read_bytes() == b"not a state"
