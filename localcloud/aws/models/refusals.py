"""Refuses whom AWS would not know, and what they may not do.

Settings: `invalid_keys`, `expired_keys` (access key ids), `denied` (patterns such as `ec2:RunInstances`, `s3:*`).

Moto: believes every key and allows everything. AWS: each service has its own words for it.
Sources: EC2 API reference "Error codes"; S3 API reference "Error responses"; STS and SQS "Common errors"; Resource
Groups Tagging API "Common errors".
"""

from __future__ import annotations

import fnmatch
import re

from localcloud.aws.models.calls import Call, Calls, Refusal

CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/")
UNKNOWN = {
    "ec2": ("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
    "s3": ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
    "resourcegroupstaggingapi": (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
        400,
    ),
}
UNKNOWN_ELSEWHERE = ("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
EXPIRED = {
    "ec2": ("RequestExpired", "Request has expired.", 400),
    "s3": ("ExpiredToken", "The provided token has expired.", 400),
}
EXPIRED_ELSEWHERE = ("ExpiredToken", "The security token included in the request is expired", 403)
DENIED = {
    "ec2": ("UnauthorizedOperation", 403),
    "resourcegroupstaggingapi": ("AccessDeniedException", 400),
}
PREFIXES = {"resourcegroupstaggingapi": "tag"}


def install(calls: Calls) -> None:
    """See the module."""
    cloud = calls.cloud
    cloud.declare("invalid_keys", ["AKIAINVALID000000000"], "access key ids that AWS does not know")
    cloud.declare("expired_keys", ["AKIAEXPIRED000000000"], "access key ids whose session has ended")
    cloud.declare("denied", [], "actions that nobody may do, as patterns: 'ec2:RunInstances', 's3:*'")
    calls.first.append(known)
    calls.first.append(allowed)


def known(call: Call) -> None:
    """Refuse a key that nobody has."""
    signed = CREDENTIAL.search(call.response.headers.get("Authorization", ""))
    key = signed[1] if signed else ""
    if key in _texts(call, "invalid_keys"):
        raise Refusal(*UNKNOWN.get(call.service, UNKNOWN_ELSEWHERE))
    if key in _texts(call, "expired_keys"):
        raise Refusal(*EXPIRED.get(call.service, EXPIRED_ELSEWHERE))


def allowed(call: Call) -> None:
    """Refuse what is denied."""
    denied = _texts(call, "denied")
    if not denied:
        return
    asked = f"{PREFIXES.get(call.service, call.service)}:{call.action}"
    if any(fnmatch.fnmatchcase(asked, one) for one in denied):
        code, status = DENIED.get(call.service, ("AccessDenied", 403))
        who = f"arn:aws:iam::{call.account}:user/holdfast"
        raise Refusal(code, f"User: {who} is not authorized to perform: {asked} because no policy allows it", status)


def _texts(call: Call, setting: str) -> list[str]:
    value = call.cloud.settings[setting]
    return [str(one) for one in value] if isinstance(value, list) else []
