"""Lets queues be made, changed and deleted as SQS does it: a name is had once, and not again at once.

Settings: `queue_delete_seconds`, `queue_name_held_seconds`.

Moto: gone at once, the name free at once; a repeated create changes the tags; setting one attribute loses the policy;
any number is taken for any attribute, and any tag. AWS: a delete takes up to 60 s, in which requests may still succeed,
and the name is held for 60 s: QueueDeletedRecently; InvalidAttributeValue; InvalidParameterValue. What AWS says of tags
that are too long or its own is guessed from what it says of their keys, and of too many, which moto has from it.
Sources: SQS API reference "CreateQueue", "DeleteQueue", "SetQueueAttributes", "TagQueue", "Common errors".
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls, Refusal, replaced
from localcloud.aws.models.times import happening, later, seconds
from localcloud.core.cloud import Cloud

RANGES = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1_024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
MOST_TAGS, KEY, VALUE = 50, 128, 256  # tags of a queue, and characters of each
BOOLEANS = {"FifoQueue", "ContentBasedDeduplication", "SqsManagedSseEnabled"}
OTHERS = {
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "KmsMasterKeyId",
    "DeduplicationScope",
    "FifoThroughputLimit",
}


def install(calls: Calls) -> None:
    """See the module."""
    cloud = calls.cloud
    cloud.declare("queue_delete_seconds", 1.0, "from delete to gone; AWS: up to 60")
    cloud.declare("queue_name_held_seconds", 2.0, "from delete until the name can be had again; AWS: 60")
    calls.before("sqs", "CreateQueue", valid)
    calls.before("sqs", "CreateQueue", valid_tags)
    calls.before("sqs", "TagQueue", valid_tags)
    calls.instead("sqs", "CreateQueue", create)
    calls.before("sqs", "SetQueueAttributes", valid)
    calls.instead("sqs", "SetQueueAttributes", change)
    calls.instead("sqs", "DeleteQueue", delete)
    _patch()


def valid(call: Call) -> None:
    """Attributes there are, with values that they can have."""
    for name, text in call.params.get("Attributes", {}).items():
        if name in RANGES:
            low, high = RANGES[name]
            if not str(text).isdigit() or not low <= int(text) <= high:
                raise Refusal("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
        elif name in BOOLEANS:
            if str(text).lower() not in {"true", "false"}:
                raise Refusal("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
        elif name not in OTHERS:
            raise Refusal("InvalidAttributeName", f"Unknown Attribute {name}.")
        elif name.endswith("Policy") and text:
            try:
                json.loads(text)
            except ValueError:
                raise Refusal("InvalidAttributeValue", f"Invalid value for the parameter {name}.") from None


def valid_tags(call: Call) -> None:
    """Keys and values of the right length, none of AWS's own, and not too many with those that are there."""
    name = call.params.get("QueueName") or call.response._get_queue_name()  # noqa: SLF001  # moto's way to ask
    new = call.params.get("tags") or call.params.get("Tags") or {}
    if any(not 0 < len(key) <= KEY for key in new):
        raise Refusal("InvalidParameterValue", f"Tag keys must be between 1 and {KEY} characters in length.")
    if any(len(value) > VALUE for value in new.values()):
        raise Refusal("InvalidParameterValue", f"Tag values must be between 0 and {VALUE} characters in length.")
    if any(key.lower().startswith("aws:") for key in new):
        raise Refusal("InvalidParameterValue", "Tag keys must not start with aws:, which is reserved.")
    queue = call.backend.queues.get(name) if call.action == "TagQueue" else None
    if len({**(queue.tags if queue else {}), **new}) > MOST_TAGS:
        raise Refusal("InvalidParameterValue", f"Too many tags added for queue {name}.")


def _key(call: Call, name: str) -> tuple[str, str, str]:
    return (call.account, call.region, name)


def create(call: Call, proceed: Any) -> Any:
    """Make a queue with attributes and tags at once; the same again is the same queue, unchanged."""
    name, backend = call.params["QueueName"], call.backend
    deleted: dict[tuple[str, str, str], datetime] = call.cloud.memory.setdefault("queues_deleted", {})
    if at := deleted.get(_key(call, name)):
        if at + timedelta(seconds=seconds(call.cloud, "queue_name_held_seconds")) > call.cloud.clock.now():
            message = (
                "You must wait 60 seconds after deleting a queue before you can create another with the same name."
            )
            raise Refusal("QueueDeletedRecently", message)
        del deleted[_key(call, name)]
        backend.queues.pop(name, None)
    if name in backend.queues:
        call.set("tags", {})
        return proceed()
    result = proceed()
    _keys(backend.queues[name], call.params.get("Attributes", {}))
    return result


def change(call: Call, proceed: Any) -> Any:
    """Change what is said, and nothing else. An emptied policy is none."""
    queue = call.backend.get_queue(call.response._get_queue_name())  # noqa: SLF001  # moto's way to ask
    said = dict(call.params.get("Attributes", {}))
    if queue.fifo_queue and "FifoQueue" in said and str(said["FifoQueue"]).lower() != "true":
        raise Refusal("InvalidAttributeValue", "Invalid value for the parameter FifoQueue.")
    if "Policy" not in said and queue.policy:
        call.set("Attributes", {**said, "Policy": queue.policy})
    result = proceed()
    _keys(queue, said)
    return result


def _keys(queue: Any, said: dict[str, Any]) -> None:
    """A queue is encrypted by SQS's key, or by one of KMS, or by none. Source: SetQueueAttributes, KmsMasterKeyId."""
    if said.get("KmsMasterKeyId"):
        queue.sqs_managed_sse_enabled = False
    elif "KmsMasterKeyId" in said:
        queue.kms_master_key_id = None
    if "SqsManagedSseEnabled" in said:
        queue.sqs_managed_sse_enabled = str(said["SqsManagedSseEnabled"]).lower() == "true"
        if queue.sqs_managed_sse_enabled:
            queue.kms_master_key_id = None


def delete(call: Call, _: Any) -> Any:
    """Go on for a while, and be gone then. Asked again in between, it succeeds again."""
    name = call.response._get_queue_name()  # noqa: SLF001  # moto's way to ask
    queue = call.backend.get_queue(name)
    if not getattr(queue, "deleting", False):
        queue.deleting = True
        call.cloud.memory.setdefault("queues_deleted", {})[_key(call, name)] = call.cloud.clock.now()
        later(call.cloud, "queue_delete_seconds", "queue.deleted", call.backend, queue)
    return ActionResult(None)


@happening("queue.deleted")
def _deleted(_: Cloud, backend: Any, queue: Any) -> None:
    if backend.queues.get(queue.name) is queue:
        del backend.queues[queue.name]


def _patch() -> None:
    from moto.sqs.models import SQSBackend

    def tag_resource(backend: Any, arn: str, tags: dict[str, str]) -> None:
        backend.tag_queue(arn.rpartition(":")[2], tags)

    def untag_resource(backend: Any, arn: str, keys: list[str]) -> None:
        backend.untag_queue(arn.rpartition(":")[2], keys)

    # Moto's tagging API lists queues, and cannot tag them.
    replaced(SQSBackend, "tag_resource", tag_resource)
    replaced(SQSBackend, "untag_resource", untag_resource)
