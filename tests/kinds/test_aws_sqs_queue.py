"""`aws.sqs_queue` on the local AWS: what is special to it beside the laws."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from activities.providers.aws.kinds.sqs_queue import TLS, Queue, QueueSpec
from holdfast.contract import OWNER_TAG, TOKEN_TAG
from holdfast.errors import NameTaken, Pending
from holdfast.resource import Status
from tests.cloud import LocalAws
from tests.kinds.aws_calls import OWNER, Called
from tests.localcloud.aws_parts import standing

KIND = Queue()


def queue(aws: LocalAws, name: str = "orders", **more: Any) -> Called[QueueSpec]:
    return Called(KIND, aws, "orders", QueueSpec.model_validate({"name": name, **more}))


def actions(aws: LocalAws) -> list[str]:
    return [entry.action for entry in aws.control.executed()]


def attributes(aws: LocalAws, one: Called[QueueSpec]) -> dict[str, str]:
    found: dict[str, str] = aws.client("sqs").get_queue_attributes(QueueUrl=one.remote_id, AttributeNames=["All"])[
        "Attributes"
    ]
    return found


# --- what can be said -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "orders.first"},
        {"name": "o" * 81},
        {"name": "o" * 76 + ".fifo"},
        {"name": ".fifo"},
        {"name": "orders", "deduplicate": True},
        {"name": "orders", "visibility_timeout": 43_201},
        {"name": "orders", "dead_letter": {"queue": "arn:aws:sqs:eu-central-1:123456789012:lost", "max_receives": 0}},
    ],
)
def test_what_cannot_be_said(wrong: dict[str, Any]) -> None:
    """A name that SQS does not take, and what contradicts it, is refused before anything is asked of SQS."""
    with pytest.raises(ValidationError):
        QueueSpec.model_validate(wrong)


# --- making ---------------------------------------------------------------------------------------------------------


def test_safe_as_written(aws: LocalAws) -> None:
    """A name is enough for a queue that is encrypted and refuses plain HTTP, both from the one call that makes it."""
    made = queue(aws)
    made.create()
    said = attributes(aws, made)
    [statement] = json.loads(said["Policy"])["Statement"]
    assert said["SqsManagedSseEnabled"] == "true"
    assert (statement["Effect"], statement["Principal"], statement["Resource"]) == ("Deny", "*", said["QueueArn"])
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert actions(aws) == ["CreateQueue"]
    assert aws.control.executed("CreateQueue")[0].tags[OWNER_TAG] == str(OWNER)


@pytest.mark.parametrize("name", ["orders", "orders.fifo"])
def test_all_that_can_be_said(aws: LocalAws, name: str) -> None:
    """Every field is in the one call, and is read back as it was written."""
    suffix = ".fifo" if name.endswith(".fifo") else ""
    lost = queue(aws, f"lost{suffix}")
    arn = lost.create().outputs["arn"]
    aws.control.forget()
    made = queue(
        aws,
        name,
        visibility_timeout=60,
        retention=120,
        delay=5,
        max_size=2_048,
        deduplicate=bool(suffix),
        encryption="alias/shop",
        tls_only=False,
        dead_letter={"queue": arn, "max_receives": 7},
        tags={"team": "shop"},
    )
    made.create()
    assert actions(aws) == ["CreateQueue"]
    assert made.observe().properties == made.spec.plain()
    assert attributes(aws, made).get("FifoQueue") == ("true" if suffix else None)


def test_a_strangers_twin(aws: LocalAws) -> None:
    """A queue with our name and our very attributes, which SQS would answer our create with, is not taken for ours."""
    first = queue(aws)
    first.create()
    KIND.disown(first.call())
    aws.control.forget()
    with pytest.raises(NameTaken):
        queue(aws).create()
    assert actions(aws) == []
    [found] = queue(aws).find()
    assert (found.owner, found.stands) == (None, True)


def test_another_of_the_name(aws: LocalAws) -> None:
    """A name that bears other attributes is taken, also where the look before came too early to see it."""
    queue(aws).create()
    aws.control.settings(new_get_lag_seconds=30)
    aws.client("sqs").create_queue(QueueName="new", Attributes={"DelaySeconds": "7"})
    with pytest.raises(NameTaken):
        queue(aws, "new").create()


def test_made_at_the_same_moment(aws: LocalAws) -> None:
    """Of two hands that create one queue at once, the one that did not make it says so."""
    aws.control.settings(new_get_lag_seconds=30)
    theirs, ours = queue(aws, tls_only=False), queue(aws, tls_only=False)
    theirs.create()
    aws.control.settings(new_get_lag_seconds=0)
    aws.control.refuse("QueueDoesNotExist", action="GetQueueUrl", count=1)
    with pytest.raises(NameTaken):
        ours.create()
    KIND.disown(theirs.call())
    aws.control.refuse("QueueDoesNotExist", action="GetQueueUrl", count=1)
    with pytest.raises(Pending):
        ours.create()
    assert standing(aws, "sqs_queue")["orders"]["tags"].get(TOKEN_TAG) is None


def test_not_visible_yet(aws: LocalAws) -> None:
    """A queue that was made and does not show yet is on its way, with all that is known of it."""
    aws.control.settings(new_get_lag_seconds=30)
    seen = queue(aws).create()
    assert (seen.status, seen.outputs["name"], seen.owner) == (Status.pending, "orders", str(OWNER))


# --- changing -------------------------------------------------------------------------------------------------------


def test_one_call_for_all(aws: LocalAws) -> None:
    """However many attributes change, they are written in one call, and the others keep what another hand gave them."""
    made = queue(aws)
    made.create()
    aws.client("sqs").set_queue_attributes(QueueUrl=made.remote_id, Attributes={"ReceiveMessageWaitTimeSeconds": "9"})
    aws.control.forget()
    made.update(delay=5, retention=120, encryption="alias/shop", tls_only=False)
    assert made.differs() == []
    [asked] = aws.control.executed()
    assert set(asked.parameters["Attributes"]) == {
        "DelaySeconds",
        "MessageRetentionPeriod",
        "KmsMasterKeyId",
        "Policy",
    }
    assert attributes(aws, made)["ReceiveMessageWaitTimeSeconds"] == "9"


def test_keys_there_and_back(aws: LocalAws) -> None:
    """A queue changes between SQS's keys, one of KMS and none, in any order."""
    made = queue(aws)
    made.create()
    for encryption in ("alias/shop", "none", "alias/shop", "sqs", "none", "sqs"):
        made.update(encryption=encryption)
        assert (encryption, made.differs()) == (encryption, [])


def test_a_policy_of_others(aws: LocalAws) -> None:
    """Our statement comes and goes; those that others wrote stay."""
    made = queue(aws)
    made.create()
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "sqs:PurgeQueue", "Resource": "*"}
    said = json.loads(attributes(aws, made)["Policy"])
    said["Statement"].append(theirs)
    aws.client("sqs").set_queue_attributes(QueueUrl=made.remote_id, Attributes={"Policy": json.dumps(said)})
    for on, sids in ((False, ["Theirs"]), (True, ["Theirs", TLS])):
        made.update(tls_only=on)
        assert [s["Sid"] for s in json.loads(attributes(aws, made)["Policy"])["Statement"]] == sids
        assert made.differs() == []


def test_dead_letters_there_and_back(aws: LocalAws) -> None:
    """Where messages end is set, changed in part, and taken away."""
    arn = queue(aws, "lost").create().outputs["arn"]
    made = queue(aws)
    made.create()
    for dead in ({"queue": arn, "max_receives": 5}, {"queue": arn, "max_receives": 6}, None):
        made.update(dead_letter=dead)
        assert made.differs() == []
    assert made.observe().properties["dead_letter"] is None


# --- ending ---------------------------------------------------------------------------------------------------------


def test_a_name_that_is_held(aws: LocalAws) -> None:
    """A deleted queue is on its way out while it answers; its name is asked for again until SQS lets go of it."""
    aws.control.settings(queue_delete_seconds=30, queue_name_held_seconds=60)
    made = queue(aws)
    made.create()
    assert made.delete().status is Status.deleting
    assert made.delete().status is Status.deleting
    aws.control.step(31)
    assert made.delete().status is Status.absent
    with pytest.raises(Pending):
        made.create()
    aws.control.step(30)
    assert made.create().status is Status.ready


# --- reading --------------------------------------------------------------------------------------------------------


def test_reading_costs_pages(aws: LocalAws) -> None:
    """A refresh lists our queues, and no others, in a call or two; looking at many names costs one for all of them."""
    ours = [queue(aws, f"q{n}") for n in range(5)]
    for one in ours:
        one.create()
    aws.client("sqs").create_queue(QueueName="strangers")
    assert {o.remote_id for o in ours[0].listed()} == {one.remote_id for one in ours}
    calls = [one.call() for one in [*ours, queue(aws, "nobodys"), queue(aws, "strangers")]]
    found = {call.wanted.name: seen.owner for call, seen in KIND.find_all(calls)}
    assert found == {**{f"q{n}": str(OWNER) for n in range(5)}, "strangers": None}


def test_what_is_gone_already(aws: LocalAws) -> None:
    """What the tagging API still lists and SQS does not is not listed."""
    aws.control.settings(queue_delete_seconds=0, tag_api_lag_seconds=60)
    made = queue(aws)
    made.create()
    aws.control.step(61)
    made.delete()
    assert made.listed() == []


def test_beside_each_other() -> None:
    """The new half of a replace waits for the old one only under the same name."""
    assert KIND.collides({"name": "a"}, {"name": "a"})
    assert not KIND.collides({"name": "a"}, {"name": "b"})
