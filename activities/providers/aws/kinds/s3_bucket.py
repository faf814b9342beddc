"""`aws.s3_bucket`: a bucket, private, encrypted, versioned, answering over TLS only, unless the document says less."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import Field

from activities.providers.aws import arns, tags
from activities.providers.aws.tags import BucketTags
from holdfast.errors import NameTaken, NotAllowed, NotFound, Pending
from holdfast.model import Scope, Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Output, ResourceType, Safety, Search

BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
TLS = "HoldfastDenyPlainHttp"  # the statement's Sid, by which it is recognised
HOME = "us-east-1"  # not named when a bucket is made in it, and with manners of its own: see `Bucket._at_home`


class BucketSpec(Spec):
    """A bucket. Its name is unique in all of AWS."""

    name: str = Field(
        min_length=3,
        max_length=63,
        pattern=r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$",
        description="unique among everybody's buckets",
    )
    versioning: bool = Field(
        default=True, description="keep what is overwritten or deleted; once on, it is suspended and not off"
    )
    kms_key: str | None = Field(default=None, description="a KMS key's ARN; without one S3 encrypts with its own keys")
    block_public_access: bool = Field(default=True, description="all four blocks")
    tls_only: bool = Field(default=True, description="refuse plain HTTP, by policy")
    tags: BucketTags = Field(default_factory=dict, description=tags.ABOUT)


class Bucket(ResourceType[BucketSpec]):
    """Made in several calls: private and carrying our tags from the first, and each may be repeated."""

    kind = "aws.s3_bucket"
    spec = BucketSpec
    outputs = {
        "id": Output("the bucket's name"),
        "arn": Output("its ARN"),
        "domain": Output("its name in DNS"),
    }
    safety = Safety.by_name
    immutable = frozenset({"name"})
    holds_data = True
    delete_undo = UndoLabel.irreversible
    delete_note = "whoever was first may take the name meanwhile; a bucket is deleted only when it is empty"
    permissions = {
        "observe": (
            "s3:ListAllMyBuckets",
            "s3:ListBucket",
            "s3:GetBucketTagging",
            "s3:GetBucketVersioning",
            "s3:GetEncryptionConfiguration",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetBucketPolicy",
        ),
        "discover": ("tag:GetResources", "s3:ListAllMyBuckets"),
        "create": (
            "s3:CreateBucket",
            "s3:TagResource",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketPolicy",
        ),
        "update": (
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketPolicy",
            "s3:DeleteBucketPolicy",
        ),
        "delete": ("s3:DeleteBucket",),
        "adopt": ("s3:PutBucketTagging",),
        "disown": ("s3:PutBucketTagging",),
    }
    settle_within = {Verb.create: timedelta(minutes=5), Verb.delete: timedelta(minutes=5)}
    example = "receipts: {kind: aws.s3_bucket, spec: {name: shop-receipts-7f3a}}"
    trials = {
        "versioning": False,
        "kms_key": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "block_public_access": False,
        "tls_only": False,
        "tags": {"team": "shop"},
    }

    # --- reading -----------------------------------------------------------------------------------------------

    def observe(self, call: Call[BucketSpec]) -> Observation:
        """A bucket's settings have a call each: there is none for all."""
        s3, bucket = call.client("s3"), call.id
        try:
            found = self._tags(call)
            versioning = s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
            rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        except NotFound:
            return self.absent(bucket)
        except NotAllowed:
            if self._is_listed(call):
                raise
            return self._anothers(bucket)
        rule = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
        return Observation(
            kind=self.kind,
            status=Status.ready,
            remote_id=bucket,
            properties={
                "name": bucket,
                "versioning": versioning,
                "kms_key": rule.get("KMSMasterKeyID"),
                "block_public_access": self._blocks(call),
                "tls_only": any(s.get("Sid") == TLS for s in self._statements(call)),
                "tags": tags.own(found),
            },
            outputs=_outputs(bucket, call.scope),
            **tags.seen(found),
        )

    def discover(self, search: Search) -> Iterator[Observation]:
        """By tag, a hundred a call. The tagging API knows tags and names, and not whether a bucket still stands."""
        for name, found in tags.tagged(search, "s3"):
            yield Observation(kind=self.kind, status=Status.ready, remote_id=name, partial=True, **tags.seen(found))

    def find(self, call: Call[BucketSpec]) -> list[Observation]:
        """At the name. In another account it does not show, until S3 refuses to make it."""
        seen = self.observe(replace(call, remote_id=call.wanted.name))
        return [] if seen.status is Status.absent else [seen]

    def find_all(self, calls: Sequence[Call[BucketSpec]]) -> Iterator[tuple[Call[BucketSpec], Observation]]:
        """One list of the account's buckets, and a closer look only where a name is among them."""
        if not calls:
            return
        mine = {b["Name"] for page in self._pages(calls[0]) for b in page.get("Buckets", ())}
        for call in calls:
            if call.wanted.name in mine:
                for seen in self.find(call):
                    yield call, seen

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[BucketSpec]) -> Observation:
        """CreateBucket with our tags; then what it cannot say, which narrows what the bucket allows.

        What opens it is last: S3 blocks public access of a new bucket unless it is told otherwise (S3 User Guide,
        "Blocking public access to your Amazon S3 storage").
        """
        wanted, s3 = call.wanted, call.client("s3")
        if call.remote_id is None:
            place: dict[str, Any] = {"Tags": tags.listed(tags.marked(call))}
            if call.scope.region == HOME:
                self._at_home(call, place)
            else:
                place["LocationConstraint"] = call.scope.region
                s3.create_bucket(Bucket=wanted.name, CreateBucketConfiguration=place)
        if wanted.block_public_access:
            self._block(call, on=True)
        if wanted.kms_key:
            self._encrypt(call, wanted.kms_key)
        if wanted.tls_only:
            self._require_tls(call, on=True)
        if wanted.versioning:
            self._version(call, on=True)
        if not wanted.block_public_access:
            self._block(call, on=False)
        return Observation(
            kind=self.kind,
            status=Status.ready,
            remote_id=wanted.name,
            properties=wanted.plain(),
            outputs=_outputs(wanted.name, call.scope),
            **tags.seen(tags.marked(call)),
        )

    def update(self, call: Call[BucketSpec]) -> Observation:
        """Only what changed."""
        wanted, changed = call.wanted, {c.path.partition(".")[0] for c in call.changes}
        if "block_public_access" in changed:
            self._block(call, on=wanted.block_public_access)
        if "kms_key" in changed:
            self._encrypt(call, wanted.kms_key)
        if "tls_only" in changed:
            self._require_tls(call, on=wanted.tls_only)
        if "versioning" in changed:
            self._version(call, on=wanted.versioning)
        if "tags" in changed:
            write, remove = tags.changed(call.changes)
            self._retag(call, write, remove)
        return self.observe(call)

    def delete(self, call: Call[BucketSpec]) -> Observation:
        """Only an empty one: S3 refuses the others, and nothing here empties a bucket."""
        try:
            call.client("s3").delete_bucket(Bucket=call.id)
        except NotFound:
            return self.absent(call.remote_id)
        return self.absent(call.remote_id)

    def adopt(self, call: Call[BucketSpec]) -> Observation:
        self._retag(call, tags.marks(call), ())
        return self.observe(call)

    def disown(self, call: Call[BucketSpec]) -> Observation:
        self._retag(call, {}, tags.MARKS)
        return self.observe(call)

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only under the same name."""
        return bool(before.get("name") == after.get("name"))

    # --- S3's calls --------------------------------------------------------------------------------------------

    def _at_home(self, call: Call[BucketSpec], place: dict[str, Any]) -> None:
        """CreateBucket where S3 answers for a bucket that the account has already as if it had just made it.

        So it is looked for before, since a second create resets access control lists, and after, since another hand may
        have come in between. Source: S3 API reference, CreateBucket, BucketAlreadyOwnedByYou.
        """
        name = call.wanted.name
        if self.find(call):
            raise NameTaken(f"a bucket named {name} stands already", address=call.address)
        call.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
        made = next(iter(self.find(call)), None)
        if made is None:
            raise Pending(f"{name} was made and does not show yet, so it is not known to be ours", address=call.address)
        if made.token != call.token:
            raise NameTaken(f"{name} was made by another hand at the same moment", address=call.address)

    @staticmethod
    def _name(call: Call[BucketSpec]) -> str:
        return call.remote_id or call.wanted.name

    def _tags(self, call: Call[BucketSpec]) -> dict[str, str]:
        try:
            return tags.plain(call.client("s3").get_bucket_tagging(Bucket=call.id)["TagSet"])
        except NotFound as error:
            if error.letter.code == "NoSuchTagSet":
                return {}
            raise

    def _retag(self, call: Call[BucketSpec], write: dict[str, str], remove: Sequence[str]) -> None:
        # PutBucketTagging replaces the whole set: what others wrote is read and written back.
        kept = {k: v for k, v in self._tags(call).items() if k not in remove}
        call.client("s3").put_bucket_tagging(
            Bucket=self._name(call), Tagging={"TagSet": tags.listed({**kept, **write})}
        )

    def _blocks(self, call: Call[BucketSpec]) -> bool:
        try:
            found = call.client("s3").get_public_access_block(Bucket=call.id)["PublicAccessBlockConfiguration"]
        except NotFound:
            return False
        return all(found.get(name) for name in BLOCKED)

    def _block(self, call: Call[BucketSpec], *, on: bool) -> None:
        wish = dict.fromkeys(BLOCKED, on)
        call.client("s3").put_public_access_block(Bucket=self._name(call), PublicAccessBlockConfiguration=wish)

    def _encrypt(self, call: Call[BucketSpec], key: str | None) -> None:
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
        call.client("s3").put_bucket_encryption(
            Bucket=self._name(call),
            ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
        )

    def _version(self, call: Call[BucketSpec], *, on: bool) -> None:
        status = "Enabled" if on else "Suspended"
        call.client("s3").put_bucket_versioning(Bucket=self._name(call), VersioningConfiguration={"Status": status})

    def _statements(self, call: Call[BucketSpec]) -> list[dict[str, Any]]:
        try:
            policy = json.loads(call.client("s3").get_bucket_policy(Bucket=call.id)["Policy"])
        except NotFound:
            return []
        statements: list[dict[str, Any]] = policy.get("Statement", [])
        return statements

    def _require_tls(self, call: Call[BucketSpec], *, on: bool) -> None:
        """Our one statement, beside whatever others the policy has."""
        s3, bucket = call.client("s3"), self._name(call)
        others = (
            [s for s in self._statements(replace(call, remote_id=bucket)) if s.get("Sid") != TLS]
            if call.remote_id
            else []
        )
        statements = [*others, _deny_plain_http(arns.of_bucket(call.scope, bucket))] if on else others
        if statements:
            s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        else:
            s3.delete_bucket_policy(Bucket=bucket)

    @staticmethod
    def _pages(call: Call[BucketSpec]) -> Iterator[dict[str, Any]]:
        pages: Iterator[dict[str, Any]] = call.client("s3").get_paginator("list_buckets").paginate()
        return pages

    @staticmethod
    def _is_listed(call: Call[BucketSpec]) -> bool:
        """Whether the account has the bucket. Raises `NotAllowed` where nobody of our credentials may ask."""
        pages = call.client("s3").get_paginator("list_buckets").paginate(Prefix=call.id)
        return any(b["Name"] == call.id for page in pages for b in page.get("Buckets", ()))

    def _anothers(self, bucket: str) -> Observation:
        """Its owner does not let us look: it stands, and it is not ours."""
        return Observation(kind=self.kind, status=Status.ready, remote_id=bucket, detail="another account's")


def _deny_plain_http(arn: str) -> dict[str, Any]:
    return {
        "Sid": TLS,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _outputs(bucket: str, scope: Scope) -> dict[str, Any]:
    return {
        "id": bucket,
        "arn": arns.of_bucket(scope, bucket),
        "domain": f"{bucket}.s3.{scope.region}.{arns.partition(scope.region)[1]}",
    }
