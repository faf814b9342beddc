"""AWS's error codes in our words: will asking again help?

Sources: EC2 API reference, "Error codes"; S3 API reference, "Error responses"; SQS API reference, "Common errors" and
the errors of each action; botocore's own list of throttling codes (`botocore/retries/standard.py`). A code that is not
here is judged by its shape (`.NotFound`, `LimitExceeded`), then by its HTTP status: 401 and 403 are not allowed, 404 is
not found, 429 is throttling, other 4xx refuse, and 5xx are `Broken` unless they say what they are, since a gateway's or
an emulator's 500 may never go away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from holdfast.errors import (
    Blocked,
    Broken,
    ChangedElsewhere,
    CreateFailed,
    HoldfastError,
    InUse,
    InvalidInput,
    NameTaken,
    NotAllowed,
    NotFound,
    Pending,
    QuotaExceeded,
    Throttled,
    Unavailable,
)

_THROTTLED = (
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "TransactionInProgressException",
)
_UNAVAILABLE = (
    "InsufficientAddressCapacity",
    "InsufficientCapacity",
    "InsufficientInstanceCapacity",
    "InsufficientVolumeCapacity",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServerInternal",
    "ServiceUnavailable",
    "Unavailable",
    "503",
    "502",
    "504",
)
_NOT_ALLOWED = (
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "Blocked",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "MissingAuthenticationToken",
    "OptInRequired",
    "PendingVerification",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
)
_QUOTA = (
    "AddressLimitExceeded",
    "InstanceLimitExceeded",
    "InsufficientFreeAddressesInSubnet",
    "InternetGatewayLimitExceeded",
    "MaxSpotInstanceCountExceeded",
    "OverLimit",
    "ResourceLimitExceeded",
    "RouteLimitExceeded",
    "RouteTableLimitExceeded",
    "RulesPerSecurityGroupLimitExceeded",
    "SecurityGroupLimitExceeded",
    "SecurityGroupsPerInterfaceLimitExceeded",
    "SubnetLimitExceeded",
    "TooManyBuckets",
    "VcpuLimitExceeded",
    "VolumeLimitExceeded",
    "VpcLimitExceeded",
)
_NAME_TAKEN = (
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "InvalidGroup.Duplicate",
    "QueueAlreadyExists",
    "QueueNameExists",
    "RouteAlreadyExists",
)
_NOT_FOUND = (
    "AWS.SimpleQueueService.NonExistentQueue",
    "Gateway.NotAttached",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "QueueDoesNotExist",
    "ServerSideEncryptionConfigurationNotFoundError",
)
_BLOCKED = ("DependencyViolation", "ResourceInUse", "VolumeInUse", "InvalidGroup.InUse", "Resource.AlreadyAssociated")
_PENDING = (
    "AWS.SimpleQueueService.QueueDeletedRecently",
    "ConcurrentTagAccess",
    "IncorrectInstanceState",
    "IncorrectModificationState",
    "IncorrectState",
    "OperationAborted",
    "QueueDeletedRecently",
    "VolumeModificationRateExceeded",
)
_INVALID = (
    "IdempotentParameterMismatch",
    "InvalidParameter",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "InvalidSubnet.Conflict",
    "MalformedPolicy",
    "MissingParameter",
    "UnsupportedOperation",
    "ValidationError",
)

CODES: Final[Mapping[str, type[HoldfastError]]] = {
    **dict.fromkeys(_THROTTLED, Throttled),
    **dict.fromkeys(_UNAVAILABLE, Unavailable),
    **dict.fromkeys(_NOT_ALLOWED, NotAllowed),
    **dict.fromkeys(_QUOTA, QuotaExceeded),
    **dict.fromkeys(_NAME_TAKEN, NameTaken),
    **dict.fromkeys(_NOT_FOUND, NotFound),
    **dict.fromkeys(_BLOCKED, Blocked),
    **dict.fromkeys(_PENDING, Pending),
    **dict.fromkeys(_INVALID, InvalidInput),
    "BucketNotEmpty": InUse,
    "IdempotentInstanceTerminated": CreateFailed,
    "PreconditionFailed": ChangedElsewhere,
}

_BY_STATUS: Final[Mapping[int, type[HoldfastError]]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    429: Throttled,
}

_ADVICE: Final[Mapping[type[HoldfastError], str]] = {
    CreateFailed: "plan again: a new plan has new tokens",
    NotAllowed: "compare the worker's credentials with the kind's permissions: `holdfast kinds KIND`",
    QuotaExceeded: "raise the quota, or free something of this kind, and run again",
    InUse: "empty it or remove what still uses it, then run again",
    InvalidInput: "mend the document; the cloud's words above say what it did not like",
}


def classify(code: str, status: int) -> type[HoldfastError]:
    """The class of an error code, by the table, its shape, or the HTTP status it came with."""
    if code in CODES:
        return CODES[code]
    if code.endswith((".NotFound", ".Malformed")):
        return NotFound if code.endswith(".NotFound") else InvalidInput
    if "LimitExceeded" in code:
        return QuotaExceeded
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return InvalidInput if 400 <= status < 500 else Broken  # noqa: PLR2004  HTTP's classes


def advice(error: type[HoldfastError]) -> str:
    """What to do next about an error of this class; empty where the machine does it."""
    return _ADVICE.get(error, "")
