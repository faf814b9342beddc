"""Queues of the local AWS: named once, changed in part, and not free at once."""

from __future__ import annotations

import json

import pytest

from tests.cloud import ACCOUNT, REGION, LocalAws
from tests.localcloud.aws_parts import refused, standing

GONE = "AWS.SimpleQueueService.NonExistentQueue"


def test_made_whole(aws: LocalAws) -> None:
    """Attributes and tags stand with the create; the same again is the same queue, unchanged."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "60"}, tags={"a": "b"})["QueueUrl"]
    assert sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "60"}, tags={"a": "c"})["QueueUrl"] == url
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["VisibilityTimeout"] == "60"
    assert found["SqsManagedSseEnabled"] == "true"
    assert found["QueueArn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"


def test_another_of_the_name(aws: LocalAws) -> None:
    """A create with the name of a queue that has other attributes is refused, under the names that SDKs know."""
    sqs = aws.client("sqs")
    sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "60"})
    with refused("QueueAlreadyExists", 400):
        sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "61"})
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "61"})


def test_no_such_queue(aws: LocalAws) -> None:
    """A queue that is not there has the old code and the new class."""
    sqs = aws.client("sqs")
    with refused(GONE, 400):
        sqs.get_queue_url(QueueName="q")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.delete_queue(QueueUrl=f"{aws.endpoint}/{ACCOUNT}/q")


def test_deleting(aws: LocalAws) -> None:
    """A deleted queue answers for a while, is gone then, and its name is held."""
    aws.control.settings(queue_delete_seconds=50, queue_name_held_seconds=100)
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    assert sqs.get_queue_url(QueueName="q")["QueueUrl"] == url
    assert standing(aws, "sqs_queue")["q"]["state"] == "deleting"
    sqs.delete_queue(QueueUrl=url)
    with refused("AWS.SimpleQueueService.QueueDeletedRecently"):
        sqs.create_queue(QueueName="q")
    with pytest.raises(sqs.exceptions.QueueDeletedRecently):
        sqs.create_queue(QueueName="q")
    aws.control.step(51)
    with refused(GONE):
        sqs.get_queue_url(QueueName="q")
    with refused("AWS.SimpleQueueService.QueueDeletedRecently"):
        sqs.create_queue(QueueName="q")
    aws.control.step(51)
    sqs.create_queue(QueueName="q")


def test_changing(aws: LocalAws) -> None:
    """A change leaves alone what it does not name, and an empty policy is none."""
    sqs = aws.client("sqs")
    said = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}],
    }
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": json.dumps(said), "DelaySeconds": "5"})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "6"})
    attributes = standing(aws, "sqs_queue")["q"]["attributes"]
    assert (attributes["DelaySeconds"], attributes["Policy"]) == ("6", said)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert "Policy" not in found
    assert found["DelaySeconds"] == "6"


@pytest.mark.parametrize(
    "name,value,code",
    [
        ("DelaySeconds", "901", "InvalidAttributeValue"),
        ("VisibilityTimeout", "soon", "InvalidAttributeValue"),
        ("MessageRetentionPeriod", "1", "InvalidAttributeValue"),
        ("SqsManagedSseEnabled", "maybe", "InvalidAttributeValue"),
        ("Policy", "{", "InvalidAttributeValue"),
        ("Colour", "red", "InvalidAttributeName"),
    ],
)
def test_wrong_attributes(aws: LocalAws, name: str, value: str, code: str) -> None:
    """An attribute there is not, or a value it cannot have, is refused, and makes nothing."""
    with refused(code):
        aws.client("sqs").create_queue(QueueName="q", Attributes={name: value})
    assert standing(aws, "sqs_queue") == {}


def test_keys(aws: LocalAws) -> None:
    """A queue is encrypted by SQS's key or by one of KMS."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"KmsMasterKeyId": "alias/aws/sqs"})["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (found["KmsMasterKeyId"], found["SqsManagedSseEnabled"]) == ("alias/aws/sqs", "false")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert ("KmsMasterKeyId" in found, found["SqsManagedSseEnabled"]) == (False, "true")


def test_wrong_tags(aws: LocalAws) -> None:
    """Too long, AWS's own or too many are refused, by the create as by what tags a queue that stands."""
    sqs, most = aws.client("sqs"), {f"k{n}": "v" * 256 for n in range(50)}
    url = sqs.create_queue(QueueName="q", tags=most)["QueueUrl"]
    wrongs: list[dict[str, str]] = [{"k" * 129: ""}, {"a": "v" * 257}, {"aws:a": ""}, {f"n{n}": "" for n in range(51)}]
    for wrong in wrongs:
        with refused("InvalidParameterValue", 400):
            sqs.create_queue(QueueName="other", tags=wrong)
    for wrong in (*wrongs, {"one-more": ""}):
        with refused("InvalidParameterValue", 400):
            sqs.tag_queue(QueueUrl=url, Tags=wrong)
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == most
    assert len(sqs.list_queues()["QueueUrls"]) == 1
    sqs.tag_queue(QueueUrl=url, Tags={"k1": "another"})
