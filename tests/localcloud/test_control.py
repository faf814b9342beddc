"""The control interface: the strings on which a local cloud hangs."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from tests.cloud import ControlRefused, LocalAws


def names(aws: LocalAws) -> list[str]:
    urls: list[str] = aws.client("sqs").list_queues().get("QueueUrls", [])
    return sorted(url.rpartition("/")[2] for url in urls)


def test_health(aws: LocalAws) -> None:
    """Health says which cloud this is, from which seed, and what time it is there."""
    health = aws.control.health()
    assert (health["cloud"], health["seed"]) == ("aws", 0)
    assert datetime.fromisoformat(health["now"]).tzinfo is not None


def test_the_clock_goes_forward(aws: LocalAws) -> None:
    """A step moves the clock by what was asked, and never back."""
    before = datetime.fromisoformat(aws.control.health()["now"])
    aws.control.step(3600)
    assert 3600 <= (datetime.fromisoformat(aws.control.health()["now"]) - before).total_seconds() < 3630
    with pytest.raises(ControlRefused, match="forward"):
        aws.control.step(-1)


def test_settings(aws: LocalAws) -> None:
    """Settings are known by name; an unknown one is refused and changes nothing, and a reset restores them."""
    before = aws.control.settings()
    changes = {name: 7 for name, value in before.items() if isinstance(value, float)}
    assert changes
    with pytest.raises(ControlRefused, match="no such setting: nonsense"):
        aws.control.settings(nonsense=1, **changes)
    assert aws.control.settings() == before
    aws.control.settings(**changes)
    assert aws.control.settings() == before | changes
    aws.control.reset()
    assert aws.control.settings() == before


def test_world(aws: LocalAws) -> None:
    """The world has what was made, and looking at it changes nothing."""
    vpc = aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    world = aws.control.world()
    assert vpc in json.dumps(world)
    assert aws.control.world() == world
    assert len(aws.control.ledger()) == 1


def test_reset(aws: LocalAws) -> None:
    """After a reset nothing stands, and no rule is left."""
    aws.client("sqs").create_queue(QueueName="q")
    aws.control.latency(0)
    aws.control.reset()
    assert names(aws) == []
    assert aws.control.ledger() == []
    assert aws.control.faults() == []


def test_snapshots(aws: LocalAws) -> None:
    """A snapshot brings back what stood, and the ledger of that moment."""
    aws.client("sqs").create_queue(QueueName="kept")
    aws.client("s3", region="us-east-1").create_bucket(Bucket="kept-bucket")
    aws.control.save("before")
    ledger = aws.control.ledger()
    aws.client("sqs").create_queue(QueueName="lost")
    aws.client("s3").delete_bucket(Bucket="kept-bucket")
    aws.control.load("before")
    assert names(aws) == ["kept"]
    assert [b["Name"] for b in aws.client("s3").list_buckets()["Buckets"]] == ["kept-bucket"]
    aws.client("s3").put_object(Bucket="kept-bucket", Key="k", Body=b"v")
    assert aws.control.ledger()[:2] == ledger


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "", ".hidden", "a" * 65])
def test_a_snapshot_is_no_path(aws: LocalAws, name: str) -> None:
    """A snapshot has a plain name: nobody chooses a file through the control interface."""
    with pytest.raises(ControlRefused, match="not a snapshot's name"):
        aws.control.load(name)


def test_strangers(aws: LocalAws) -> None:
    """A web page that reaches the port is sent away."""
    for headers in ({"Origin": "https://example.com"}, {"Host": "rebound.example.com"}):
        with pytest.raises(ControlRefused, match="local programs"):
            aws.control.ask("GET", "health", headers=headers)


def test_what_control_does_not_know(aws: LocalAws) -> None:
    """An unknown path, rule or held request is refused with what was not found."""
    for method, path in (("GET", "nonsense"), ("DELETE", "faults/none"), ("POST", "held/none/release")):
        with pytest.raises(ControlRefused, match=r"no rule|nothing is held|knows no"):
            aws.control.ask(method, path, {})
