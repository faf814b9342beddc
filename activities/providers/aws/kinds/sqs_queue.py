"""`aws.sqs_queue`: a queue, encrypted and answering over TLS only, unless the document says less."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import Field, model_validator

from activities.providers.aws import arns, tags
from activities.providers.aws.tags import Tags
from holdfast.errors import NameTaken, NotFound, Pending
from holdfast.model import Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Output, ResourceType, Safety, Search

TLS = "HoldfastDenyPlainHttp"  # the statement's Sid, by which it is recognised
OWN_KEYS, NO_KEYS = "sqs", "none"
FIFO = ".fifo"  # how the name of such a queue ends, and the name of no other


class DeadLetter(Spec):
    """Where a message goes that is received again and again."""

    queue: str = Field(description="the other queue's ARN; a FIFO queue's is FIFO too")
    max_receives: int = Field(ge=1, le=1_000, description="how often it is received before it goes there")


class QueueSpec(Spec):
    """A queue. One whose name ends in `.fifo` keeps the order of its messages."""

    name: str = Field(
        pattern=r"^([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$", description="unique in the account's region"
    )
    visibility_timeout: int = Field(
        default=30, ge=0, le=43_200, description="seconds in which whoever received a message has it alone"
    )
    retention: int = Field(default=345_600, ge=60, le=1_209_600, description="seconds after which a message is lost")
    delay: int = Field(default=0, ge=0, le=900, description="seconds before a new message can be received")
    max_size: int = Field(default=262_144, ge=1_024, le=1_048_576, description="bytes that a message may have")
    deduplicate: bool = Field(default=False, description="of a FIFO queue: tell messages apart by what they say")
    encryption: str = Field(
        default=OWN_KEYS,
        min_length=1,
        description="sqs: with SQS's own keys; a KMS key's ARN, id or alias: with that; none: not at all",
    )
    tls_only: bool = Field(default=True, description="refuse plain HTTP, by policy")
    dead_letter: DeadLetter | None = Field(default=None, description="where what nobody can handle goes")
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)

    @model_validator(mode="after")
    def _fits_together(self) -> QueueSpec:
        name: Any = self.name  # it may not be known yet
        if self.deduplicate is True and isinstance(name, str) and not name.endswith(FIFO):
            raise ValueError("only a FIFO queue deduplicates: its name ends in .fifo")
        return self


class Queue(ResourceType[QueueSpec]):
    """CreateQueue takes all of it at once, tags and policy too: there is no half of a queue, and no open instant.

    We look before we create, although the name is unique: where a queue of the name and the very same attributes
    stands, CreateQueue answers with that, whosever it is.
    """

    kind = "aws.sqs_queue"
    spec = QueueSpec
    outputs = {
        "id": Output("the queue's URL, by which it is asked"),
        "url": Output("the same"),
        "arn": Output("its ARN"),
        "name": Output("its name"),
    }
    safety = Safety.by_name
    visible_within = timedelta(seconds=60)  # SQS API reference, "SetQueueAttributes": attributes take that long
    immutable = frozenset({"name"})
    holds_data = True
    delete_undo = UndoLabel.lossy
    delete_note = "the messages in it; and SQS holds its name for a minute"
    permissions = {
        "observe": ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags", "sqs:ListQueues"),
        "discover": ("tag:GetResources", "sqs:ListQueues", "sqs:GetQueueUrl"),
        "create": ("sqs:CreateQueue", "sqs:TagQueue"),
        "update": ("sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"),
        "delete": ("sqs:DeleteQueue",),
        "adopt": ("sqs:TagQueue",),
        "disown": ("sqs:UntagQueue",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=5),
        Verb.update: timedelta(minutes=5),
        Verb.delete: timedelta(minutes=5),
    }
    example = """
lost: {kind: aws.sqs_queue, spec: {name: shop-lost.fifo}}
orders: {kind: aws.sqs_queue, spec: {name: shop-orders.fifo}}
"""
    trials = {
        "visibility_timeout": 60,
        "retention": 86_400,
        "delay": 5,
        "max_size": 65_536,
        "deduplicate": True,
        "encryption": "alias/shop",
        "tls_only": False,
        "dead_letter": {"queue": "${lost.arn}", "max_receives": 5},
        "tags": {"team": "shop"},
    }

    _NUMBERS = {
        "visibility_timeout": "VisibilityTimeout",
        "retention": "MessageRetentionPeriod",
        "delay": "DelaySeconds",
        "max_size": "MaximumMessageSize",
    }

    # --- reading -----------------------------------------------------------------------------------------------

    def observe(self, call: Call[QueueSpec]) -> Observation:
        """Its attributes and its tags: a call each."""
        sqs = call.client("sqs")
        try:
            said = sqs.get_queue_attributes(QueueUrl=call.id, AttributeNames=["All"])["Attributes"]
            found = sqs.list_queue_tags(QueueUrl=call.id).get("Tags", {})
        except NotFound:
            return self.absent(call.remote_id)
        return Observation(
            kind=self.kind,
            status=Status.ready,
            remote_id=call.id,
            properties={**self._said(said), "tags": tags.own(found)},
            outputs=_outputs(call.id, said["QueueArn"]),
            **tags.seen(found),
        )

    def _said(self, said: Mapping[str, str]) -> dict[str, Any]:
        key, redrive = said.get("KmsMasterKeyId") or None, json.loads(said.get("RedrivePolicy") or "{}")
        return {
            "name": said["QueueArn"].rpartition(":")[2],
            **{ours: int(said[theirs]) for ours, theirs in self._NUMBERS.items() if theirs in said},
            "deduplicate": said.get("ContentBasedDeduplication") == "true",
            "encryption": key or (OWN_KEYS if said.get("SqsManagedSseEnabled") == "true" else NO_KEYS),
            "tls_only": any(s.get("Sid") == TLS for s in _statements(said)),
            "dead_letter": {"queue": redrive["deadLetterTargetArn"], "max_receives": int(redrive["maxReceiveCount"])}
            if redrive
            else None,
        }

    def discover(self, search: Search) -> Iterator[Observation]:
        """By tag, a hundred a call. The tagging API knows ARNs; a list of a thousand a call knows their URLs."""
        urls: dict[str, str] | None = None
        for name, found in tags.tagged(search, "sqs"):
            urls = self._urls(search) if urls is None else urls
            url = urls.get(name) or self._url(search, name)
            if url is not None:  # it may be gone, and not yet out of the tagging API
                yield Observation(kind=self.kind, status=Status.ready, remote_id=url, partial=True, **tags.seen(found))

    def find(self, call: Call[QueueSpec]) -> list[Observation]:
        """At the name, whosever it is."""
        if call.spec is None:
            return super().find(call)
        url = self._url(call, call.spec.name)
        seen = self.observe(replace(call, remote_id=url)) if url else self.absent()
        return [] if seen.status is Status.absent else [seen]

    def find_all(self, calls: Sequence[Call[QueueSpec]]) -> Iterator[tuple[Call[QueueSpec], Observation]]:
        """One list of the region's queues, and a closer look only where a name is among them."""
        urls = self._urls(calls[0]) if calls else {}
        for call in calls:
            if call.wanted.name in urls:
                seen = self.observe(replace(call, remote_id=urls[call.wanted.name]))
                if seen.status is not Status.absent:
                    yield call, seen

    @staticmethod
    def _urls(asking: Call[QueueSpec] | Search) -> dict[str, str]:
        pages = asking.client("sqs").get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1000})
        return {url.rpartition("/")[2]: url for page in pages for url in page.get("QueueUrls", ())}

    @staticmethod
    def _url(asking: Call[QueueSpec] | Search, name: str) -> str | None:
        try:
            return str(asking.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
        except NotFound:
            return None

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[QueueSpec]) -> Observation:
        """One call. Raises `NameTaken` when the name is borne already, and `Pending` while its bearer shows no tags."""
        if call.remote_id is not None:
            return self.observe(call)
        wanted, arn = call.wanted, arns.arn(call.scope, "sqs", call.wanted.name)
        if self._url(call, wanted.name):
            raise NameTaken(f"a queue named {wanted.name} stands in {call.scope} already", address=call.address)
        asked = {theirs: str(getattr(wanted, ours)) for ours, theirs in self._NUMBERS.items()} | _keys(wanted)
        if wanted.name.endswith(FIFO):
            asked |= {"FifoQueue": "true", "ContentBasedDeduplication": str(wanted.deduplicate).lower()}
        if wanted.tls_only:
            asked["Policy"] = _policy([_deny_plain_http(arn)])
        if wanted.dead_letter:
            asked["RedrivePolicy"] = _redrive(wanted.dead_letter)
        marked = tags.marked(call)
        url = call.client("sqs").create_queue(QueueName=wanted.name, Attributes=asked, tags=marked)["QueueUrl"]
        seen = self.observe(replace(call, remote_id=url))
        if seen.status is Status.absent:
            return Observation(
                kind=self.kind,
                status=Status.pending,
                remote_id=url,
                properties=wanted.plain(),
                outputs=_outputs(url, arn),
                detail="not visible yet",
                **tags.seen(marked),
            )
        if seen.token == call.token:
            return seen
        if seen.owner is None:
            raise Pending(f"{url} shows no tags yet, so it is not known to be ours", address=call.address)
        raise NameTaken(f"{url} was made by another hand at the same moment", address=call.address)

    def update(self, call: Call[QueueSpec]) -> Observation:
        """One call for all that changed, and one for tags: what SetQueueAttributes does not name stays as it is."""
        sqs, wanted, changed = call.client("sqs"), call.wanted, {c.path.partition(".")[0] for c in call.changes}
        write, remove = tags.changed(call.changes)
        if write:
            sqs.tag_queue(QueueUrl=call.id, Tags=write)
        if remove:
            sqs.untag_queue(QueueUrl=call.id, TagKeys=remove)
        new = {theirs: str(getattr(wanted, ours)) for ours, theirs in self._NUMBERS.items() if ours in changed}
        if "deduplicate" in changed:
            new["ContentBasedDeduplication"] = str(wanted.deduplicate).lower()
        if "encryption" in changed:
            new |= {"KmsMasterKeyId": "", **_keys(wanted)}
        if "dead_letter" in changed:
            new["RedrivePolicy"] = _redrive(wanted.dead_letter) if wanted.dead_letter else ""
        if "tls_only" in changed:
            new["Policy"] = self._guarded(call, on=wanted.tls_only)
        if new:
            sqs.set_queue_attributes(QueueUrl=call.id, Attributes=new)
        return self.observe(call)

    def delete(self, call: Call[QueueSpec]) -> Observation:
        """It goes with all its messages, within a minute in which it may still answer."""
        try:
            call.client("sqs").delete_queue(QueueUrl=call.id)
        except NotFound:
            return self.absent(call.remote_id)
        seen = self.observe(call)
        return seen.model_copy(update={"status": Status.deleting}) if seen.stands else seen

    def adopt(self, call: Call[QueueSpec]) -> Observation:
        call.client("sqs").tag_queue(QueueUrl=call.id, Tags=tags.marks(call))
        return self.observe(call)

    def disown(self, call: Call[QueueSpec]) -> Observation:
        call.client("sqs").untag_queue(QueueUrl=call.id, TagKeys=list(tags.MARKS))
        return self.observe(call)

    @staticmethod
    def _guarded(call: Call[QueueSpec], *, on: bool) -> str:
        """The policy with our one statement or without it, beside whatever others it has."""
        asked = call.client("sqs").get_queue_attributes(QueueUrl=call.id, AttributeNames=["Policy", "QueueArn"])
        said = asked["Attributes"]
        others = [s for s in _statements(said) if s.get("Sid") != TLS]
        return _policy([*others, _deny_plain_http(said["QueueArn"])] if on else others)

    # --- comparing ---------------------------------------------------------------------------------------------

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only under the same name."""
        return bool(before.get("name") == after.get("name"))


def _keys(wanted: QueueSpec) -> dict[str, str]:
    """A queue has one kind of keys at most, and SQS wants to hear of that one only."""
    if wanted.encryption in {OWN_KEYS, NO_KEYS}:
        return {"SqsManagedSseEnabled": str(wanted.encryption == OWN_KEYS).lower()}
    return {"KmsMasterKeyId": wanted.encryption}


def _redrive(wanted: DeadLetter) -> str:
    return json.dumps({"deadLetterTargetArn": wanted.queue, "maxReceiveCount": wanted.max_receives})


def _statements(said: Mapping[str, str]) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads(said.get("Policy") or "{}").get("Statement", [])
    return statements


def _policy(statements: list[dict[str, Any]]) -> str:
    """A policy as SQS takes it; one without statements is none."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else ""


def _deny_plain_http(arn: str) -> dict[str, Any]:
    return {
        "Sid": TLS,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _outputs(url: str, arn: str) -> dict[str, Any]:
    return {"id": url, "url": url, "arn": arn, "name": arn.rpartition(":")[2]}
