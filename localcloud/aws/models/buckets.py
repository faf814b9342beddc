"""Lets buckets be made and kept as S3 does it: named once in the world, private and encrypted from the first instant.

Settings: `bucket_name_held_seconds`, `secure_transport` (whether plain HTTP to this process counts as HTTPS).

Moto: no encryption, no public access block and no ownership rule until asked for; drops the tags of CreateBucket;
keeps a deleted bucket's tags for its successor; takes any tags; opens every bucket to every account; reads no
conditions of policies.
AWS: SSE-S3 since 2023, all four blocks and BucketOwnerEnforced since April 2023; tags are part of the create;
InvalidTag; AccessDenied.
Sources: S3 API reference "CreateBucket", "PutBucketPolicy", "Error responses"; S3 User Guide "Default encryption
FAQ", "Default settings for new buckets", "Bucket naming rules"; of tags, S3 Control API reference "S3Tag", and
versity/versitygw, issues 1232 and 2039, as AWS answered.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from datetime import datetime, timedelta
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict  # type: ignore[import-untyped]  # comes with moto
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls, Refusal, answered, replaced
from localcloud.aws.models.times import seconds

NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)(?!xn--)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
DEFAULT_ENCRYPTION = {
    "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}
}
# The query that makes a request to a bucket another operation. Source: S3 API reference, request syntax of each.
PARTS = {
    "accelerate": "BucketAccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCors",
    "encryption": "BucketEncryption",
    "lifecycle": "BucketLifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "notification": "BucketNotificationConfiguration",
    "object-lock": "ObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "PublicAccessBlock",
    "replication": "BucketReplication",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}
PLAIN = {
    "GET": "ListObjects",
    "PUT": "CreateBucket",
    "DELETE": "DeleteBucket",
    "HEAD": "HeadBucket",
    "POST": "DeleteObjects",
}
ON_KEYS = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject", "POST": "PutObject"}
ACTIONS = {
    *PLAIN.values(),
    *ON_KEYS.values(),
    "ListBuckets",
    *(verb + part for verb in VERBS.values() for part in PARTS.values()),
}
PRIVATE = {"private", "bucket-owner-full-control"}
MOST_BUCKETS = 10_000
MOST_TAGS, KEY, VALUE = 50, 128, 256  # tags of a bucket, and characters of each


def install(calls: Calls) -> None:
    """See the module."""
    cloud = calls.cloud
    cloud.declare("bucket_name_held_seconds", 0.0, "how long a deleted bucket's name is not free: OperationAborted")
    cloud.declare("secure_transport", True, "requests count as HTTPS where a bucket policy asks; they come over HTTP")
    calls.instead("s3", "CreateBucket", create)
    calls.instead("s3", "DeleteBucket", delete)
    calls.before("s3", "PutBucketPolicy", valid_policy)
    calls.before("s3", "PutBucketVersioning", valid_versioning)
    calls.before("s3", "PutBucketAcl", valid_acl)
    calls.before("s3", "PutBucketTagging", valid_tags)
    calls.check("s3", ACTIONS)
    _patch(calls)


def action(method: str, query: dict[str, Any], bucket: str) -> str:
    """The operation that a request to a bucket is."""
    if not bucket:
        return "ListBuckets"
    part = next((part for key, part in PARTS.items() if key in query), None)
    return VERBS[method] + part if part and method in VERBS else PLAIN.get(method, "DeleteObjects")


def _refuse(response: Any, error: ServiceException, status: int | None = None) -> Any:
    if response.request.method == "HEAD":
        return status or 400, {}, ""
    return answered_tuple(answered(response, ActionResult(error), status))


def answered_tuple(result: Any) -> Any:
    """What the S3 part of moto takes: the status first and not among the headers."""
    status, headers, body = result
    return int(headers.pop("status", status)), headers, body


def valid_tags(call: Call) -> None:
    """The tags that a bucket shall have from now on, and no others."""
    _tags(call.response, "Tagging", "TagSet")


def _tags(response: Any, root: str, inside: str) -> dict[str, str]:
    """The tags in a body. The first wrong one is told, and after that how many there are."""
    if not response.body:
        return {}
    try:
        said = xmltodict.parse(response.body, force_list=("Tag",), strip_whitespace=False).get(root) or {}
    except ExpatError:
        raise Refusal("MalformedXML", "The XML you provided was not well-formed.") from None
    tags: dict[str, str] = {}
    for tag in (said.get(inside) or {}).get("Tag", []):
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not 0 < len(key) <= KEY or not _is_plain(key):
            raise Refusal("InvalidTag", "The TagKey you have provided is invalid")
        if len(value) > VALUE or not _is_plain(value):
            raise Refusal("InvalidTag", "The TagValue you have provided is invalid")
        if key in tags:
            raise Refusal("InvalidTag", "Cannot provide multiple Tags with the same key")
        if key.lower().startswith("aws:"):
            raise Refusal("InvalidTag", "System tags cannot be added/updated by requester")
        tags[key] = value
    if len(tags) > MOST_TAGS:
        raise Refusal("BadRequest", f"Bucket tag count cannot be greater than {MOST_TAGS}")
    return tags


def _is_plain(text: str) -> bool:
    return all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in text)


def create(call: Call, proceed: Any) -> Any:
    """Make a bucket with all that a new one has, and its tags, at once."""
    from moto.s3.models import s3_backends

    name, headers = call.params["Bucket"], call.response.headers
    if not NAME.fullmatch(name):
        raise Refusal("InvalidBucketName", "The specified bucket is not valid.")
    tags, owner = _tags(call.response, "CreateBucketConfiguration", "Tags"), s3_backends.bucket_accounts.get(name)
    if owner and owner[1] != call.account:
        message = (
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
        )
        raise Refusal("BucketAlreadyExists", f"{message} Please select a different name and try again.", 409)
    if owner:
        if call.backend.buckets[name].region_name == call.region == "us-east-1":
            return 200, {"Location": f"/{name}"}, ""  # as it always was in this one region; nothing is changed
        message = "Your previous request to create the named bucket succeeded and you already own it."
        raise Refusal("BucketAlreadyOwnedByYou", message, 409)
    held: dict[str, datetime] = call.cloud.memory.get("bucket_names", {})
    wait = timedelta(seconds=seconds(call.cloud, "bucket_name_held_seconds"))
    if name in held and held[name] + wait > call.cloud.clock.now():
        message = (
            "A conflicting conditional operation is currently in progress against this resource. Please try again."
        )
        raise Refusal("OperationAborted", message, 409)
    ownership = headers.get("x-amz-object-ownership", "BucketOwnerEnforced")
    if ownership == "BucketOwnerEnforced" and headers.get("x-amz-acl", "private") not in PRIVATE:
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise Refusal("InvalidBucketAclWithObjectOwnership", message)
    result = proceed()
    if bucket := call.backend.buckets.get(name):
        _begin(call, bucket, ownership, tags)
    return result


def _begin(call: Call, bucket: Any, ownership: str, tags: dict[str, str]) -> None:
    from moto.s3.models import PublicAccessBlock

    bucket.encryption = json.loads(json.dumps(DEFAULT_ENCRYPTION))
    bucket.public_access_block = PublicAccessBlock("true", "true", "true", "true")
    bucket.ownership_rule = ownership
    call.backend.tagger.delete_all_tags_for_resource(bucket.arn)
    if tags:
        call.backend.put_bucket_tagging(bucket.name, tags)


def delete(call: Call, proceed: Any) -> Any:
    """Forget the tags with the bucket, and when its name was last had."""
    name = call.params["Bucket"]
    bucket = call.backend.get_bucket(name)
    result = proceed()
    if name not in call.backend.buckets:
        call.backend.tagger.delete_all_tags_for_resource(bucket.arn)
        call.cloud.memory.setdefault("bucket_names", {})[name] = call.cloud.clock.now()
    return result


def valid_policy(call: Call) -> None:
    """A policy that can be read, about this bucket, and not a public one where those are blocked."""
    from moto.s3.utils import bucket_policy_is_public

    bucket = call.backend.get_bucket(call.params["Bucket"])
    try:
        statements = json.loads(call.response.body)["Statement"]
        statements = statements if isinstance(statements, list) else [statements]
        resources = [
            r for s in statements for r in ([s["Resource"]] if isinstance(s["Resource"], str) else s["Resource"])
        ]
        complete = all(
            s["Effect"] in {"Allow", "Deny"} and s["Principal"] and ("Action" in s or "NotAction" in s)
            for s in statements
        )
    except (ValueError, KeyError, TypeError):
        raise Refusal("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'") from None
    if not complete:
        raise Refusal("MalformedPolicy", "Missing required field")
    if any(r != bucket.arn and not r.startswith(f"{bucket.arn}/") for r in resources):
        raise Refusal("MalformedPolicy", "Policy has invalid resource")
    block = bucket.public_access_block
    if block and str(block.block_public_policy).lower() == "true" and bucket_policy_is_public(call.response.body):
        message = "User is not authorized to perform: s3:PutBucketPolicy because public policies are prevented by the "
        raise Refusal("AccessDenied", f"{message}BlockPublicPolicy setting in S3 Block Public Access.", 403)


def valid_versioning(call: Call) -> None:
    """On, or suspended: never off again."""
    found = re.search(rb"<Status>(Enabled|Suspended)</Status>", call.response.body or b"")
    if not found:
        message = "The Versioning element must be specified"
        raise Refusal("IllegalVersioningConfigurationException", message)


def valid_acl(call: Call) -> None:
    """None where the owner alone decides."""
    bucket = call.backend.get_bucket(call.params["Bucket"])
    if bucket.ownership_rule == "BucketOwnerEnforced" and call.response.headers.get("x-amz-acl") not in PRIVATE:
        raise Refusal("AccessControlListNotSupported", "The bucket does not allow ACLs")


def listed(response: Any) -> Any:
    """The account's buckets, by name, page by page. Moto: all, in the order of their making."""
    ask = response._get_param  # noqa: SLF001  # moto's way
    asked = {name: ask(name) for name in ("prefix", "bucket-region", "max-buckets", "continuation-token")}
    most = int(asked["max-buckets"] or MOST_BUCKETS)
    if not 1 <= most <= MOST_BUCKETS:
        raise Refusal("InvalidArgument", f"Argument max-buckets must be an integer between 1 and {MOST_BUCKETS}")
    after = base64.urlsafe_b64decode(asked["continuation-token"]).decode() if asked["continuation-token"] else ""
    found = sorted(response.backend.list_buckets(asked["prefix"], asked["bucket-region"], None), key=lambda b: b.name)
    found = [bucket for bucket in found if bucket.name > after]
    response.data["Action"] = "ListBuckets"
    result: dict[str, Any] = {
        "Owner": {"ID": "bcaf1ffd86f41161ca5fb16fd081034f"},
        "Buckets": [
            {"Name": b.name, "CreationDate": b.creation_date_ISO8601, "BucketRegion": b.region_name, "BucketArn": b.arn}
            for b in found[:most]
        ],
    }
    if len(found) > most:
        result["ContinuationToken"] = base64.urlsafe_b64encode(found[most - 1].name.encode()).decode()
    return response.serialized(ActionResult(result))


def _patch(calls: Calls) -> None:
    from moto.s3.exceptions import MissingBucket
    from moto.s3.models import FakeBucket, S3Backend, s3_backends
    from moto.s3.responses import S3Response

    def through(name: str, original: Any) -> Any:
        def respond(response: Any, request: Any, full_url: str) -> Any:
            bucket = response.parse_bucket_name_from_url(request, full_url) or ""
            table = ON_KEYS.get(request.method, "GetObject")
            call = Call(
                calls.cloud,
                "s3",
                action(request.method, dict(request.args), bucket) if name == "bucket" else table,
                response,
            )
            call._params = {"Bucket": bucket} if bucket else {}  # noqa: SLF001  # moto has not read any
            try:
                with calls.around(call):
                    return calls.run(call, lambda: original(response, request, full_url))
            except Refusal as refusal:
                return _refuse(response, refusal, refusal.status)
            except NotImplementedError as missing:
                return _refuse(response, Refusal("NotImplemented", f"The local cloud cannot do this: {missing}"), 400)

        return respond

    for name, method in (("bucket", "_bucket_response"), ("key", "_key_response")):
        replaced(S3Response, method, through(name, getattr(S3Response, method)))
    replaced(S3Response, "all_buckets", listed)

    def get_bucket(backend: Any, name: str) -> Any:
        """Moto: opens other accounts' buckets. AWS: only when their policy says so; here never."""
        owner = s3_backends.bucket_accounts.get(name)
        if owner is not None and name not in backend.buckets:
            if owner[1] == backend.account_id:  # not seen yet: see `visibility`
                raise MissingBucket(name)
            raise Refusal("AccessDenied", "Access Denied", 403)
        return found(backend, name)

    def default_encryption(backend: Any, bucket_name: str) -> None:
        """AWS: there is no bucket without encryption."""
        backend.get_bucket(bucket_name).encryption = json.loads(json.dumps(DEFAULT_ENCRYPTION))

    def permission(bucket: Any, asked: str, resource: str) -> Any:
        """What a bucket's policy says, with the one condition that ours have."""
        if bucket.policy is None:
            return permitted(bucket, asked, resource)
        policy = json.loads(bucket.policy)
        listed = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        policy["Statement"] = [s for s in map(_conditioned, listed) if s is not None]
        kept, bucket.policy = bucket.policy, json.dumps(policy).encode()
        try:
            return permitted(bucket, asked, resource)
        finally:
            bucket.policy = kept

    def _conditioned(statement: dict[str, Any]) -> dict[str, Any] | None:
        wanted = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
        if wanted is None:
            return statement
        holds = str(wanted).lower() == str(bool(calls.cloud.settings["secure_transport"])).lower()
        return {k: v for k, v in statement.items() if k != "Condition"} if holds else None

    found = replaced(S3Backend, "get_bucket", get_bucket)
    replaced(S3Backend, "delete_bucket_encryption", default_encryption)
    permitted = replaced(FakeBucket, "get_permission", permission)
